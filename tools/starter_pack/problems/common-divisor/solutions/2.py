# Try every length from the shortest plank downwards.
import sys

_, *planks = map(int, sys.stdin.read().split())
length = min(planks)
while any(plank % length for plank in planks):
    length -= 1
print(length)
