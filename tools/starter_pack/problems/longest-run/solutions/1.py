# One pass: the current run grows or starts again.
n = int(input())
beads = input().strip()
best = current = 1
for before, bead in zip(beads, beads[1:]):
    current = current + 1 if bead == before else 1
    best = max(best, current)
print(best)
