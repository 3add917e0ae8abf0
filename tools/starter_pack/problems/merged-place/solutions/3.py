# Bisect on the weight: the answer is the least one that at least k fish do not exceed.
from bisect import bisect_right

n, m, k = map(int, input().split())
first = list(map(int, input().split()))
second = list(map(int, input().split()))
low, high = 0, 999
while low < high:
    middle = (low + high) // 2
    if bisect_right(first, middle) + bisect_right(second, middle) >= k:
        high = middle
    else:
        low = middle + 1
print(low)
