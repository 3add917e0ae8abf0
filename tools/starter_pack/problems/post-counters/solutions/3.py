# A customer can begin as soon as fewer than all counters are taken by earlier ones: look at all times
# at which earlier customers leave.
n, counters = map(int, input().split())
leaves = []
for _ in range(n):
    come, takes = map(int, input().split())
    start = come
    if len(leaves) >= counters:
        start = max(come, sorted(leaves)[-counters])
    leaves.append(start + takes)
print(*leaves)
