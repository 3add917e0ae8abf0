# Name every sock, and look at all pairs.
import sys
from itertools import combinations

_, *counts = map(int, sys.stdin.read().split())
drawer = [colour for colour, count in enumerate(counts) for _ in range(count)]
match = pairs = 0
for one, other in combinations(drawer, 2):
    pairs += 1
    match += one == other
a, b = match, pairs
while b:
    a, b = b, a % b
print(f"{match // a}/{pairs // a}")
