# Two ends: the right one moves on, the left one follows as far as the goal allows.
n, goal = map(int, input().split())
values = list(map(int, input().split()))
shortest, left, total = n, 0, 0
for right in range(n):
    total += values[right]
    while total - values[left] >= goal:
        total -= values[left]
        left += 1
    if total >= goal:
        shortest = min(shortest, right - left + 1)
print(shortest)
