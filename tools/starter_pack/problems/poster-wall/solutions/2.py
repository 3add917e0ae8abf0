# Column by column: the posters that reach into it, from the lowest to the highest.
import sys

n, *numbers = map(int, sys.stdin.read().split())
posters = sorted(zip(*(numbers[i::4] for i in range(4))), key=lambda poster: poster[1])
area = 0
for column in range(30):
    top = 0
    for x1, y1, x2, y2 in posters:
        if x1 <= column < x2 and y2 > top:
            area += y2 - max(top, y1)
            top = y2
print(area)
