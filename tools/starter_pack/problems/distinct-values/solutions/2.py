# In sorted order a new value starts wherever a card differs from the one before.
import sys

_, *cards = map(int, sys.stdin.read().split())
cards.sort()
filled = 1
for index in range(1, len(cards)):
    if cards[index] != cards[index - 1]:
        filled += 1
print(filled)
