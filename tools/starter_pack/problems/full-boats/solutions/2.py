# How many boats can carry two? That many pairs fit if the lightest animals, folded, do.
import sys

n, limit, *weights = map(int, sys.stdin.read().split())
weights.sort()


def fit(pairs):
    light = weights[: 2 * pairs]
    return all(light[i] + light[-1 - i] <= limit for i in range(pairs))


pairs = 0
while 2 * (pairs + 1) <= n and fit(pairs + 1):
    pairs += 1
print(n - pairs)
