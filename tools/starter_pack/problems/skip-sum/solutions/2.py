# Recursion with memory: from tree i on, either take it and jump two, or pass it by.
import sys
from functools import lru_cache

n, *apples = map(int, sys.stdin.read().split())


@lru_cache(maxsize=None)
def best(i):
    if i >= n:
        return 0
    return max(apples[i] + best(i + 2), best(i + 1))


print(best(0))
