# Join the turns in pairs to rearrangements of places, and these again, until one is left.
n, m = map(int, input().split())
cards = input().split()
moves = [[*reversed(range(size)), *range(size, n)] for size in map(int, input().split())]
while len(moves) > 1:
    joined = [[a[place] for place in b] for a, b in zip(moves[::2], moves[1::2])]
    moves = joined + moves[len(joined) * 2 :]
print(*[cards[place] for place in moves[0]])
