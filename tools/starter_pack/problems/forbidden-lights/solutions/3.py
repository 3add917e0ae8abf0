# From the first lamp on, how can the row be finished? What is asked twice is answered once.
from functools import cache

n, m = map(int, input().split())
forbidden = {}
for _ in range(m):
    first, pattern = input().split()
    forbidden.setdefault(int(first) + 2, []).append(int(pattern, 2))


@cache
def finish(lamp, before):
    if lamp > n:
        return 1
    total = 0
    for state in (0, 1):
        three = before * 2 + state
        if lamp < 3 or three not in forbidden.get(lamp, ()):
            total += finish(lamp + 1, three % 4)
    return total


print(finish(1, 0) % 997)
