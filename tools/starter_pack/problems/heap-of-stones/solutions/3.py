# Two heaps together are worth one heap, the smallest that none of their moves is worth (found in a
# table grown from the empty heaps); all heaps before and after one are folded into one by it.
n = int(input())
heaps = [int(word) for word in input().split()]
worth = [[0] * 64 for _ in range(64)]
for a in range(64):
    for b in range(64):
        moves = {worth[x][b] for x in range(a)} | {worth[a][y] for y in range(b)}
        while worth[a][b] in moves:
            worth[a][b] += 1
before = [0]
for size in heaps:
    before.append(worth[before[-1]][size])
after = [0]
for size in reversed(heaps):
    after.append(worth[after[-1]][size])
for i, size in enumerate(heaps):
    wanted = worth[before[i]][after[n - 1 - i]]
    if wanted < size:
        print(i + 1, size - wanted)
        break
