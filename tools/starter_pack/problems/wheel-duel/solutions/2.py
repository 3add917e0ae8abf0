# Sort the second wheel; a binary search counts what a field of the first one beats.
import sys
from bisect import bisect_left
from math import gcd

n, m, *numbers = map(int, sys.stdin.read().split())
second = sorted(numbers[n:])
wins = sum(bisect_left(second, a) for a in numbers[:n])
common = gcd(wins, n * m)
print(f"{wins // common}/{n * m // common}")
