# Turn the blocks one after the other.
n, m = map(int, input().split())
cards = input().split()
for size in map(int, input().split()):
    cards[:size] = cards[:size][::-1]
print(" ".join(cards))
