# Pigment by pigment: it shows in the pairs of a paint that has it and one that lacks it.
import sys

n, *paints = map(int, sys.stdin.read().split())
total = 0
for pigment in (1, 2, 4, 8, 16, 32, 64, 128):
    have = sum(paint // pigment % 2 for paint in paints)
    total += pigment * have * (n - have)
print(total)
