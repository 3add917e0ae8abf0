# Play it through with a queue.
from collections import deque

n, q = map(int, input().split())
queue = deque(enumerate(map(int, input().split()), start=1))
order = []
while queue:
    person, needed = queue.popleft()
    if needed <= q:
        order.append(person)
    else:
        queue.append((person, needed - q))
print(*order)
