# The numerator counts the ways to cover a row, in which place i has so many single stones as its rung,
# by single stones and by double stones that lie on two places; the denominator leaves out the first
# place. Both by cutting the row in the middle.
from functools import cache

n = int(input())
rungs = [int(word) for word in input().split()]


@cache
def covers(start, end):
    if end <= start:
        return int(end == start)
    if end == start + 1:
        return rungs[start]
    middle = (start + end) // 2
    apart = covers(start, middle) * covers(middle, end)
    return apart + covers(start, middle - 1) * covers(middle + 1, end)


print(covers(0, n), covers(1, n), sep="/")
