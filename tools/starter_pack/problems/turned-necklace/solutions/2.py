# Keep the starts whose readings are alike so far, and of those that go on with the smallest letter.
import sys

n, beads = sys.stdin.read().split()
n = int(n)
starts = list(range(n))
reading = ""
for step in range(n):
    best = min(beads[(start + step) % n] for start in starts)
    starts = [start for start in starts if beads[(start + step) % n] == best]
    reading += best
print(reading)
