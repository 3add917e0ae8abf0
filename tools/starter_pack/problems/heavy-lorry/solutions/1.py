# Build the strongest bridges first until both towns hang together.
n, m = map(int, input().split())
bridges = [tuple(map(int, input().split())) for _ in range(m)]
group = list(range(n + 1))
for x, y, weight in sorted(bridges, key=lambda bridge: -bridge[2]):
    if group[x] != group[y]:
        old, new = group[x], group[y]
        group = [new if one == old else one for one in group]
    if group[1] == group[n]:
        print(weight)
        break
