# Go over the list of roads again and again until none of them makes a town cheaper.
import sys

n, m, *numbers = map(int, sys.stdin.read().split())
cost = [0, 0] + [10**9] * (n - 1)
better = True
while better:
    better = False
    for i in range(0, 3 * m, 3):
        x, y, toll = numbers[i : i + 3]
        if cost[x] + toll < cost[y]:
            cost[y] = cost[x] + toll
            better = True
        if cost[y] + toll < cost[x]:
            cost[x] = cost[y] + toll
            better = True
print(cost[n])
