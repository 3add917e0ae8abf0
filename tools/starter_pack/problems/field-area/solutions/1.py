# The sum of the cross products of neighbouring corners.
n = int(input())
corners = [tuple(map(int, input().split())) for _ in range(n)]
total = 0
for i in range(n):
    (x, y), (next_x, next_y) = corners[i - 1], corners[i]
    total += x * next_y - y * next_x
print(abs(total))
