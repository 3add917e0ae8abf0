# Ponds that wait for no brook pass their whole water on; then those below them can.
import sys

n, *numbers = map(int, sys.stdin.read().split())
following, flow = [0, *numbers[:n]], [0, *numbers[n:]]
brooks = [following[1:].count(pond) for pond in range(n + 1)]
ready = [pond for pond in range(1, n + 1) if brooks[pond] == 0]
for pond in ready:
    below = following[pond]
    flow[below] += flow[pond]
    brooks[below] -= 1
    if below and brooks[below] == 0:
        ready.append(below)
print(*flow[1:])
