# Sing it letter by letter from a tree, and stop after the seventh letter.
import sys
from itertools import islice

place, song = sys.stdin.read().split()
place = int(place)


def read(start):
    parts = []
    while start < len(song) and song[start] != ")":
        if song[start].isdigit():
            inner, end = read(start + 2)
            parts.append((int(song[start]), inner))
            start = end + 1
        else:
            parts.append(song[start])
            start += 1
    return parts, start


def sing(parts):
    for part in parts:
        if isinstance(part, str):
            yield part
        else:
            for _ in range(part[0]):
                yield from sing(part[1])


print("".join(islice(sing(read(0)[0]), place - 1, place + 6)))
