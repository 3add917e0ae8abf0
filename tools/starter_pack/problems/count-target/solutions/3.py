# Sort; the target fills the gap between its two insertion points.
from bisect import bisect_left, bisect_right

_, target = input().split()
ordered = sorted(input().split())
print(bisect_right(ordered, target) - bisect_left(ordered, target))
