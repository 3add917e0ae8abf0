# Squares in the order in which a flood from s reaches them.
from collections import deque

n, m = map(int, input().split())
grid = [input().strip() for _ in range(n)]
start = next((r, c) for r in range(n) for c in range(m) if grid[r][c] == "s")
steps = {start: 0}
queue = deque([start])
while queue:
    r, c = queue.popleft()
    if grid[r][c] == "e":
        print(steps[r, c])
        break
    for square in ((r + 1, c), (r - 1, c), (r, c + 1), (r, c - 1)):
        inside = 0 <= square[0] < n and 0 <= square[1] < m
        if inside and grid[square[0]][square[1]] != "r" and square not in steps:
            steps[square] = steps[r, c] + 1
            queue.append(square)
