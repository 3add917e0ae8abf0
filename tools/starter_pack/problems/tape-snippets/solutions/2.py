# Sort the ends of the tape; each adds its beginnings but for those that it shares with its neighbour.
import sys

n, tape = sys.stdin.read().split()
ends = sorted(tape[i:] for i in range(int(n)))
total, before = 0, ""
for end in ends:
    shared = 0
    while shared < len(before) and before[shared] == end[shared]:
        shared += 1
    total += len(end) - shared
    before = end
print(total)
