# Every heap by itself, recursively, with memory.
import sys
from functools import lru_cache

n, a, b, c, *heaps = map(int, sys.stdin.read().split())


@lru_cache(maxsize=None)
def winner(heap):
    if any(move <= heap and winner(heap - move) == "s" for move in (a, b, c)):
        return "f"
    return "s"


print("".join(map(winner, heaps)))
