# Settle towns in the order of their distance; a heap hands out the nearest one.
import heapq

n, m = map(int, input().split())
roads_of = {town: [] for town in range(1, n + 1)}
for _ in range(m):
    x, y, toll = map(int, input().split())
    roads_of[x].append((y, toll))
    roads_of[y].append((x, toll))
settled = {}
heap = [(0, 1)]
while n not in settled:
    paid, town = heapq.heappop(heap)
    if town in settled:
        continue
    settled[town] = paid
    for other, toll in roads_of[town]:
        heapq.heappush(heap, (paid + toll, other))
print(settled[n])
