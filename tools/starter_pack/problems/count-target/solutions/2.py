# Tally all ten bells, then read off one of them.
import sys

n, target, *rung = (int(word) for word in sys.stdin.read().split())
tally = [0] * 10
for bell in rung[:n]:
    tally[bell] += 1
print(tally[target])
