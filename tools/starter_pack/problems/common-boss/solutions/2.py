# Bring both people to the same height, then climb together until they meet.
import sys

_, x, y, *pairs = sys.stdin.read().split()
boss = {pair[0]: pair[1] for pair in pairs}


def height(person):
    return 1 + height(boss[person]) if person in boss else 0


while height(x) > height(y):
    x = boss[x]
while height(y) > height(x):
    y = boss[y]
while x != y:
    x, y = boss[x], boss[y]
print(x)
