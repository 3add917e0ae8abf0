# From the lowest rung up.
from fractions import Fraction

input()
rungs = list(map(int, input().split()))
value = Fraction(rungs.pop())
while rungs:
    value = rungs.pop() + 1 / value
print(f"{value.numerator}/{value.denominator}")
