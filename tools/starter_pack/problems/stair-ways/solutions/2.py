# Recursion over halves with whole numbers: the ways from stair a to stair b that step on the one
# in the middle, and those that leap over it.
import sys
from functools import lru_cache

n, stairs = sys.stdin.read().split()
good = "g" + stairs


@lru_cache(maxsize=None)
def ways(a, b):
    if a > b or good[a] == "b" or good[b] == "b":
        return 0
    if b - a <= 1:
        return 1
    middle = (a + b) // 2
    leaps = [(middle - 1, middle + 1), (middle - 1, middle + 2), (middle - 2, middle + 1)]
    over = sum(ways(a, low) * ways(high, b) for low, high in leaps if a <= low and high <= b)
    return ways(a, middle) * ways(middle, b) + over


print(ways(0, int(n)) % 997)
