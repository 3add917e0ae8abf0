# Totals of all rectangles that start in the top left corner; a plot is made of four of them.
n, m = map(int, input().split())
corner = [[0] * (n + 1)]
for _ in range(n):
    along, totals = 0, [0]
    for place, digit in enumerate(input().strip(), start=1):
        along += int(digit)
        totals.append(corner[-1][place] + along)
    corner.append(totals)
answers = []
for _ in range(m):
    a, b, c, d = map(int, input().split())
    answers.append(corner[c][d] - corner[a - 1][d] - corner[c][b - 1] + corner[a - 1][b - 1])
print(*answers)
