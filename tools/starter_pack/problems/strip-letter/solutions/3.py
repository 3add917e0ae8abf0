# Note where each run ends, and bisect for the first end that is not before k.
from bisect import bisect_left
from itertools import accumulate

n, k = map(int, input().split())
letters, counts = zip(*(input().split() for _ in range(n)))
ends = list(accumulate(map(int, counts)))
print(letters[bisect_left(ends, k)])
