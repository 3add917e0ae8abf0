# The counter that is free first serves the next customer.
import heapq

n, counters = map(int, input().split())
free = [0] * counters
leaves = []
for _ in range(n):
    come, takes = map(int, input().split())
    end = max(come, heapq.heappop(free)) + takes
    heapq.heappush(free, end)
    leaves.append(end)
print(*leaves)
