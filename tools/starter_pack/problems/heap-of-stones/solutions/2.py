# Try every move. A lost position has an even number of ones in every binary place.
import sys

n, *heaps = map(int, sys.stdin.read().split())


def lost(position):
    return all(sum(size >> bit & 1 for size in position) % 2 == 0 for bit in range(6))


for i in range(n):
    moves = (take for take in range(1, heaps[i] + 1))
    good = [t for t in moves if lost([*heaps[:i], heaps[i] - t, *heaps[i + 1 :]])]
    if good:
        print(i + 1, *good)
        break
