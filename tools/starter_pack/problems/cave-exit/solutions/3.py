# One big number holds the squares that can be reached; a step is four shifts and a mask.
n, m = map(int, input().split())
cells = "".join(input().strip() + "r" for _ in range(n))
width = m + 1
floor = sum(1 << i for i, mark in enumerate(cells) if mark != "r")
reached, end = 1 << cells.index("s"), 1 << cells.index("e")
steps = 0
while not reached & end:
    reached |= (reached << 1 | reached >> 1 | reached << width | reached >> width) & floor
    steps += 1
print(steps)
