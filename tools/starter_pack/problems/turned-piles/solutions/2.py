# Trace each place of the final pile back through the turns to the card that lay there first.
import sys

n, m, *numbers = map(int, sys.stdin.read().split())
cards, turns = numbers[:n], numbers[n:]
final = []
for place in range(n):
    for size in reversed(turns):
        if place < size:
            place = size - 1 - place
    final.append(cards[place])
print(*final)
