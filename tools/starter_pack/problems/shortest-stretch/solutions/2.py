# Sums from the beginning rise, so for each start the first sufficient end is found by bisection.
import sys
from bisect import bisect_left
from itertools import accumulate

n, goal, *values = map(int, sys.stdin.read().split())
sums = [0, *accumulate(values)]
ends = [bisect_left(sums, sums[start] + goal) for start in range(n)]
print(min(end - start for start, end in enumerate(ends) if end <= n))
