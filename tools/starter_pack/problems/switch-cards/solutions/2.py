# For each lamp: it is on if an odd number of cards switch it.
import sys

_, *cards = map(int, sys.stdin.read().split())
total = 0
for value in (1, 2, 4, 8):
    if sum(card // value % 2 for card in cards) % 2:
        total += value
print(total)
