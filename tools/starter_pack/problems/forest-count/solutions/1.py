# Fell every forest when it is met first, and count.
n, m = map(int, input().split())
grid = [list(input().strip()) for _ in range(n)]
forests = 0
for row in range(n):
    for column in range(m):
        if grid[row][column] == "m":
            continue
        forests += 1
        grid[row][column] = "m"
        felling = [(row, column)]
        while felling:
            r, c = felling.pop()
            for near_r, near_c in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
                if 0 <= near_r < n and 0 <= near_c < m and grid[near_r][near_c] == "f":
                    grid[near_r][near_c] = "m"
                    felling.append((near_r, near_c))
print(forests)
