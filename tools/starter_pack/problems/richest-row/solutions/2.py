# Column by column: all row totals grow together.
import sys

lines = sys.stdin.read().split()[1:]
totals = [0] * len(lines)
for column in zip(*lines):
    totals = [total + int(cell) for total, cell in zip(totals, column)]
print(sorted(totals)[-1])
