# From every scout without a camp, in order, send the two camps outwards along the quarrels.
from collections import deque

n, m = map(int, input().split())
enemies = [[] for _ in range(n + 1)]
for _ in range(m):
    x, y = map(int, input().split())
    enemies[x].append(y)
    enemies[y].append(x)
camp = [""] * (n + 1)
possible = True
for first in range(1, n + 1):
    if camp[first]:
        continue
    camp[first] = "A"
    queue = deque([first])
    while queue:
        scout = queue.popleft()
        for enemy in enemies[scout]:
            if not camp[enemy]:
                camp[enemy] = "B" if camp[scout] == "A" else "A"
                queue.append(enemy)
            elif camp[enemy] == camp[scout]:
                possible = False
print("".join(camp) if possible else "impossible")
