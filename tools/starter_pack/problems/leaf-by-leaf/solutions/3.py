# A heap of leaves; of a knot only the number of its threads and the sum of its neighbours is kept.
import heapq

n = int(input())
count, total = [0] * (n + 1), [0] * (n + 1)
for _ in range(n - 1):
    a, b = [int(word) for word in input().split()]
    for one, other in ((a, b), (b, a)):
        count[one] += 1
        total[one] += other
leaves = [knot for knot in range(1, n + 1) if count[knot] == 1]
heapq.heapify(leaves)
notes = []
for _ in range(n - 2):
    leaf = heapq.heappop(leaves)
    other = total[leaf]
    notes.append(other)
    total[other] -= leaf
    count[other] -= 1
    if count[other] == 1:
        heapq.heappush(leaves, other)
print(*notes)
