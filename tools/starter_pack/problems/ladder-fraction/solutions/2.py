# From the top down: the fraction of the first k rungs follows from those of k - 1 and k - 2.
import sys

_, *rungs = map(int, sys.stdin.read().split())
top, top_before, bottom, bottom_before = 1, 0, 0, 1
for rung in rungs:
    top, top_before = rung * top + top_before, top
    bottom, bottom_before = rung * bottom + bottom_before, bottom
print(f"{top}/{bottom}")
