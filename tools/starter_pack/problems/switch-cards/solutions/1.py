# Exclusive or of all cards.
n = int(input())
lamps = 0
for card in map(int, input().split()):
    lamps ^= card
print(lamps)
