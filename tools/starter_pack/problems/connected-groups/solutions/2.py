# Let news start at every guest who has not heard any, and count the starts.
import sys

n, m, *ends = map(int, sys.stdin.read().split())
knows = [[] for _ in range(n + 1)]
for x, y in zip(ends[::2], ends[1::2]):
    knows[x].append(y)
    knows[y].append(x)
heard = [False] * (n + 1)
starts = 0
for guest in range(1, n + 1):
    if heard[guest]:
        continue
    starts += 1
    heard[guest] = True
    telling = [guest]
    while telling:
        for other in knows[telling.pop()]:
            if not heard[other]:
                heard[other] = True
                telling.append(other)
print(starts)
