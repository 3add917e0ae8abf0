# Build the hall up from its cells: a cell joins its four sides in pairs, and joins to its neighbours;
# then the sides are walked as one long chain.
n, m = map(int, input().split())
hall = [input().strip() for _ in range(n)]
entry = int(input())
across = {}
for i, row in enumerate(hall):
    for j, sign in enumerate(row):
        west, east = ("v", i, j), ("v", i, j + 1)
        north, south = ("h", i, j), ("h", i + 1, j)
        pairs = {".": ((west, east), (north, south)), "/": ((west, north), (east, south))}
        for a, b in pairs.get(sign, ((west, south), (east, north))):
            across.setdefault(a, []).append((b, i, j))
            across.setdefault(b, []).append((a, i, j))
side, cell = ("v", entry - 1, 0), None
while True:
    onward = [(other, (i, j)) for other, i, j in across[side] if (i, j) != cell]
    if not onward:
        break
    side, cell = onward[0]
kind, i, j = side
if kind == "v":
    print("west" if j == 0 else "east", i + 1, sep="-")
else:
    print("north" if i == 0 else "south", j + 1, sep="-")
