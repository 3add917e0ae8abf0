# Shuffle as often as asked.
n, times = map(int, input().split())
moves = list(map(int, input().split()))
cards = list(range(1, n + 1))
for _ in range(times):
    shuffled = [0] * n
    for place, card in enumerate(cards):
        shuffled[moves[place] - 1] = card
    cards = shuffled
print(*cards)
