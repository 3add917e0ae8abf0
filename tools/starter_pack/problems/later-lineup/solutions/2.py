# The place of the order in the list as one number; add, and find the order at that place.
import sys
from math import factorial

n, later, *lineup = map(int, sys.stdin.read().split())
left, place = list(range(1, n + 1)), later
for i, singer in enumerate(lineup):
    place += left.index(singer) * factorial(n - 1 - i)
    left.remove(singer)
left = list(range(1, n + 1))
found = []
for i in range(n):
    which, place = divmod(place, factorial(n - 1 - i))
    found.append(left.pop(which))
print(*found)
