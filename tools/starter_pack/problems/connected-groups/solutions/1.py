# Union-find: every acquaintance that joins two groups makes one fewer.
n, m = map(int, input().split())
parent = list(range(n + 1))


def root(guest):
    while parent[guest] != guest:
        parent[guest] = parent[parent[guest]]
        guest = parent[guest]
    return guest


groups = n
for _ in range(m):
    x, y = map(int, input().split())
    x, y = root(x), root(y)
    if x != y:
        parent[x] = y
        groups -= 1
print(groups)
