# Pass over the list of quarrels: whoever quarrels with a placed scout is placed. When a pass
# changes nothing, the first scout left over goes to A.
n, m = map(int, input().split())
pairs = [tuple(map(int, input().split())) for _ in range(m)]
other = {"A": "B", "B": "A"}
camp = {}
while len(camp) < n:
    camp[min(set(range(1, n + 1)) - set(camp))] = "A"
    changed = True
    while changed:
        changed = False
        for x, y in pairs + [(b, a) for a, b in pairs]:
            if x in camp and y not in camp:
                camp[y] = other[camp[x]]
                changed = True
if any(camp[x] == camp[y] for x, y in pairs):
    print("impossible")
else:
    print("".join(camp[scout] for scout in range(1, n + 1)))
