# A table of all heaps up to the largest: a heap is won if a move leads to one that is lost.
n = int(input())
moves = [int(word) for word in input().split()]
heaps = [int(word) for word in input().split()]
won = [False] * (max(heaps) + 1)
for heap in range(len(won)):
    for move in moves:
        if move <= heap and not won[heap - move]:
            won[heap] = True
print("".join("f" if won[heap] else "s" for heap in heaps))
