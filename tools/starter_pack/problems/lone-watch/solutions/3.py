# Two unions of stretches: awake at all, and awake together with a watchman who began earlier.
n = int(input())
watches = sorted(tuple(map(int, input().split())) for _ in range(n))
first = second = 0
alone = 0
for start, end in watches:
    # minutes before "first" have somebody awake, minutes before "second" have two or more
    together = min(end, first) - max(start, second)
    if together > 0:
        alone -= together
    second = max(second, min(end, first))
    if end > first:
        alone += end - max(start, first)
        first = end
print(alone)
