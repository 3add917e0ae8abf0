# Step by step with the ray.
n, m = map(int, input().split())
hall = [input().strip() for _ in range(n)]
i, j, di, dj = int(input()) - 1, 0, 0, 1
while 0 <= i < n and 0 <= j < m:
    if hall[i][j] == "/":
        di, dj = -dj, -di
    elif hall[i][j] == "L":
        di, dj = dj, di
    i += di
    j += dj
if dj:
    print(f"{'east' if dj > 0 else 'west'}-{i + 1}")
else:
    print(f"{'south' if di > 0 else 'north'}-{j + 1}")
