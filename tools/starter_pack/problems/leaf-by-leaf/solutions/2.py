# Hang the net up at knot n, which is never plucked; a finger runs up through the numbers, and goes on
# to the knot above whenever that has become a leaf and has been passed already.
import sys

n, *numbers = map(int, sys.stdin.read().split())
tied = [[] for _ in range(n + 1)]
for a, b in zip(numbers[::2], numbers[1::2]):
    tied[a].append(b)
    tied[b].append(a)
above = [0] * (n + 1)
stack = [n]
while stack:
    knot = stack.pop()
    for other in tied[knot]:
        if other != above[knot]:
            above[other] = knot
            stack.append(other)
degree = [len(others) for others in tied]
notes = []
for finger in range(1, n):
    leaf = finger
    while degree[leaf] == 1 and len(notes) < n - 2 and leaf <= finger:
        degree[leaf] = 0
        leaf = above[leaf]
        degree[leaf] -= 1
        notes.append(leaf)
print(*notes)
