# Write a distance to the exit on every square and sweep over the map, forwards and backwards, until
# no square can be bettered by a neighbour.
import sys

n, m, *rows = sys.stdin.read().split()
m = int(m) + 2
cells = "r" * m + "".join(f"r{row}r" for row in rows) + "r" * m
FAR = len(cells)
away = [0 if mark == "e" else FAR for mark in cells]
order = [i for i, mark in enumerate(cells) if mark in "os"]
changed = True
while changed:
    changed = False
    for i in order:
        nearest = 1 + min(away[i - 1], away[i + 1], away[i - m], away[i + m])
        if nearest < away[i]:
            away[i] = nearest
            changed = True
    order.reverse()
print(away[cells.index("s")])
