# Every field of one wheel against every field of the other.
from fractions import Fraction

n, m = map(int, input().split())
first = list(map(int, input().split()))
second = list(map(int, input().split()))
wins = sum(a > b for a in first for b in second)
chance = Fraction(wins, n * m)
print(f"{chance.numerator}/{chance.denominator}")
