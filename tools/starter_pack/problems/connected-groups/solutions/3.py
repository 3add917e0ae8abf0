# Everybody wears their own number; acquaintances copy the smaller one until nothing changes.
n, m = map(int, input().split())
pairs = [tuple(map(int, input().split())) for _ in range(m)]
badge = {guest: guest for guest in range(1, n + 1)}
changed = True
while changed:
    changed = False
    for x, y in pairs:
        smaller = min(badge[x], badge[y])
        if badge[x] != smaller or badge[y] != smaller:
            badge[x] = badge[y] = smaller
            changed = True
print(sum(1 for guest in badge if badge[guest] == guest))
