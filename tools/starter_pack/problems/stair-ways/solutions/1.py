# Stair after stair: the ways to it are the ways to the three stairs below it.
n = int(input())
below = (0, 0, 1)
for stair in input().strip():
    below = (below[1], below[2], sum(below) % 997 if stair == "g" else 0)
print(below[2])
