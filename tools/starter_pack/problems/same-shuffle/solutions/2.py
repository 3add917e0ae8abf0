# Places lie on rings, along which cards walk; on each ring only the remainder of the steps counts.
import sys

n, times, *moves = map(int, sys.stdin.read().split())
final = {}
for start in range(1, n + 1):
    if start in final.values():
        continue
    ring = [start]
    while moves[ring[-1] - 1] != start:
        ring.append(moves[ring[-1] - 1])
    for i, place in enumerate(ring):
        final[ring[(i + times) % len(ring)]] = place
print(*(final[place] for place in range(1, n + 1)))
