# Keep the books of each team, and sort by all four rules at once.
n, m = map(int, input().split())
teams = [chr(ord("A") + i) for i in range(n)]
points, scored, conceded = ({team: 0 for team in teams} for _ in range(3))
for _ in range(m):
    one, other, x, y = input().split()
    for team, own, theirs in ((one, int(x), int(y)), (other, int(y), int(x))):
        points[team] += 3 if own > theirs else 1 if own == theirs else 0
        scored[team] += own
        conceded[team] += theirs
key = {t: (-points[t], conceded[t] - scored[t], -scored[t], t) for t in teams}
print("".join(sorted(teams, key=key.get)))
