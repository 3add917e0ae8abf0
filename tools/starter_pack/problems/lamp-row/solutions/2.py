# A lamp feels the one j places to its left along "m choose j" ways; only odd numbers of ways count.
import math
import sys

_, m, lamps = sys.stdin.read().split()
m = int(m)
final = ""
for i in range(len(lamps)):
    ways = sum(math.comb(m, j) for j in range(i + 1) if lamps[i - j] == "b")
    final += "b" if ways % 2 else "d"
print(final)
