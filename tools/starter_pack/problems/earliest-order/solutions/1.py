# Count for each job what it waits for; a heap holds the jobs that wait for nothing.
import heapq

n, m = map(int, input().split())
waits = [0] * (n + 1)
frees = [[] for _ in range(n + 1)]
for _ in range(m):
    x, y = map(int, input().split())
    frees[x].append(y)
    waits[y] += 1
free = [job for job in range(1, n + 1) if waits[job] == 0]
order = []
while free:
    job = heapq.heappop(free)
    order.append(job)
    for later in frees[job]:
        waits[later] -= 1
        if waits[later] == 0:
            heapq.heappush(free, later)
print(*order)
