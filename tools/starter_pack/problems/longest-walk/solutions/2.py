# The hut farthest from hut 1 is one end of a longest walk; the hut farthest from that is the other.
import sys

n, *numbers = map(int, sys.stdin.read().split())
paths = {hut: [] for hut in range(1, n + 1)}
for hut, (above, length) in enumerate(zip(numbers[: n - 1], numbers[n - 1 :]), start=2):
    paths[hut].append((above, length))
    paths[above].append((hut, length))


def farthest(start):
    far = {start: 0}
    stack = [start]
    while stack:
        hut = stack.pop()
        for other, length in paths[hut]:
            if other not in far:
                far[other] = far[hut] + length
                stack.append(other)
    return max((distance, hut) for hut, distance in far.items())


print(farthest(farthest(1)[1])[0])
