# Two starts race; the one that shows the larger letter loses, and with it every start it has passed.
n = int(input())
ring = input().strip() * 2
i, j, same = 0, 1, 0
while i < n and j < n and same < n:
    a, b = ring[i + same], ring[j + same]
    if a == b:
        same += 1
        continue
    if a > b:
        i += same + 1
    else:
        j += same + 1
    j += i == j
    same = 0
start = min(i, j)
print(ring[start : start + n])
