# The two directions do not touch each other. Along one of them, stretches of commands work like
# "add, then cut to a range", and two such steps in a row are again one such step.
import sys

_, x, y, moves = sys.stdin.read().split()


def end(start, back, forth):
    add, low, high = 0, 0, 9
    for move in moves:
        step = (move == forth) - (move == back)
        add += step
        low = min(9, max(0, low + step))
        high = min(9, max(0, high + step))
    return min(high, max(low, start + add))


print(end(int(x), "W", "E"), end(int(y), "S", "N"))
