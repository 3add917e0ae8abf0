# Walk along the beginnings and ends, and add the stretches on which the count is 1.
import sys

n, *numbers = map(int, sys.stdin.read().split())
changes = sorted([(t, 1) for t in numbers[::2]] + [(t, -1) for t in numbers[1::2]])
alone = count = before = 0
for time, change in changes:
    if count == 1:
        alone += time - before
    count += change
    before = time
print(alone)
