# First sock, then second sock, in exact fractions.
from fractions import Fraction

input()
socks = list(map(int, input().split()))
total = sum(socks)
chance = sum(Fraction(c, total) * Fraction(c - 1, total - 1) for c in socks)
print(f"{chance.numerator}/{chance.denominator}")
