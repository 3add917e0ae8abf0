# From town 1 outwards, always over to the town that the heaviest lorry can reach.
import heapq
import sys

n, m, *numbers = map(int, sys.stdin.read().split())
around = [[] for _ in range(n + 1)]
for x, y, weight in zip(numbers[::3], numbers[1::3], numbers[2::3]):
    around[x].append((y, weight))
    around[y].append((x, weight))
heap, seen = [(-100, 1)], set()
while n not in seen:
    load, town = heapq.heappop(heap)
    seen.add(town)
    if town == n:
        print(-load)
    for other, weight in around[town]:
        if other not in seen:
            heapq.heappush(heap, (max(load, -weight), other))
