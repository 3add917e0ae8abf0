# Cut the field at every whole y. No corner lies inside such a layer, so its area is its width at
# half height: the crossings of the border there, paired from left to right.
import sys
from fractions import Fraction

n, *numbers = map(int, sys.stdin.read().split())
corners = list(zip(numbers[::2], numbers[1::2]))
borders = list(zip(corners, corners[1:] + corners[:1]))
area = Fraction(0)
for layer in range(40):
    height = layer + Fraction(1, 2)
    crossings = sorted(
        x + (next_x - x) * (height - y) / (next_y - y)
        for (x, y), (next_x, next_y) in borders
        if min(y, next_y) < height < max(y, next_y)
    )
    area += sum(crossings[1::2]) - sum(crossings[::2])
print(2 * area)
