# From the end: how many words of the letters that are left lead from a room to the light?
import sys
from functools import cache

text = sys.stdin.read().split()
n, m, lit = int(text[0]), int(text[1]), text[2]


@cache
def ways(room, left):
    if left == 0:
        return int(lit[room - 1])
    first = 3 * room
    return sum(ways(int(door), left - 1) for door in text[first : first + 3])


print(ways(1, m) % 997)
