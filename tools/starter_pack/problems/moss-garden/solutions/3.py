# How does day n depend on days k, k + 1, k + 2? Go back from k = n - 2 to k = 1; only then are the
# first three sizes put in.
import sys

n, a, b, c, p, q, r = map(int, sys.stdin.read().split())
x, y, z = 0, 0, 1
for _ in range(n - 3):
    x, y, z = z * r % 97, (x + z * q) % 97, (y + z * p) % 97
print((x * a + y * b + z * c) % 97)
