# Settle the lighthouses one by one; from a moment that suits the earlier ones, step by a common
# multiple of their periods until the next one flashes, too.
from math import gcd

n = int(input())
moment, step = 0, 1
for _ in range(n):
    period, first = map(int, input().split())
    while moment % period != first:
        moment += step
    step *= period // gcd(step, period)
print(moment)
