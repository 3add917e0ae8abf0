# From right to left, with whole numbers: a tree counts the dancers behind that are smaller.
import sys

n, *order = map(int, sys.stdin.read().split())
tree = [0] * (n + 1)
evening, orders = 1, 1
for behind, dancer in enumerate(reversed(order)):
    orders *= max(behind, 1)
    i = dancer
    while i:
        evening += tree[i] * orders
        i &= i - 1
    i = dancer
    while i <= n:
        tree[i] += 1
        i += i & -i
print(evening % 997)
