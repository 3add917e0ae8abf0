# Union-find over 2n statements "scout x sleeps in A" and "in B" (x + n): a quarrel ties two pairs
# of them together. A scout goes to A unless that ties in with an earlier scout in B.
import sys

n, m, *numbers = map(int, sys.stdin.read().split())
parent = list(range(2 * n + 1))


def root(statement):
    while parent[statement] != statement:
        statement = parent[statement]
    return statement


for x, y in zip(numbers[::2], numbers[1::2]):
    parent[root(x)] = root(y + n)
    parent[root(x + n)] = root(y)
if any(root(x) == root(x + n) for x in range(1, n + 1)):
    print("impossible")
else:
    true = set()
    plan = ""
    for x in range(1, n + 1):
        letter = "B" if root(x + n) in true else "A"
        true.add(root(x if letter == "A" else x + n))
        plan += letter
    print(plan)
