# What leaves a pond is its spring and what leaves the ponds that drain into it.
n = int(input())
following = list(map(int, input().split()))
springs = list(map(int, input().split()))
into = {}
for pond, below in enumerate(following, start=1):
    into.setdefault(below, []).append(pond)


def leaving(pond):
    return springs[pond - 1] + sum(leaving(above) for above in into.get(pond, []))


print(" ".join(str(leaving(pond)) for pond in range(1, n + 1)))
