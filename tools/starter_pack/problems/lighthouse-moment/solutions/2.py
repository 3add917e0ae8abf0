# For each second of the night: how many lighthouses flash in it?
import sys

n, *numbers = map(int, sys.stdin.read().split())
flashes = [0] * 1000
for period, first in zip(numbers[::2], numbers[1::2]):
    for second in range(first, 1000, period):
        flashes[second] += 1
print(flashes.index(n))
