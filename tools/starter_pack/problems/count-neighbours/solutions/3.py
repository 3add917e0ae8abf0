# Build neighbour sets, then list the towns exactly one step away from t.
from collections import defaultdict, deque

n, t = input().split()
joined = defaultdict(set)
for _ in range(int(n)):
    x, y = input().split()
    joined[x].add(y)
    joined[y].add(x)
distance = {t: 0}
queue = deque([t])
while queue:
    here = queue.popleft()
    for there in sorted(joined[here]):
        if there not in distance:
            distance[there] = distance[here] + 1
            queue.append(there)
print(list(distance.values()).count(1))
