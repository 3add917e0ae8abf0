# From the last bottle back: the best total that is still open to a collector whose dearest bottle
# is worth p, for every p at once.
import sys

_, *worth = map(int, sys.stdin.read().split())
still = [0] * 100
for value in reversed(worth):
    taken = value + still[value]
    still = [max(total, taken) if pride < value else total for pride, total in enumerate(still)]
print(still[0])
