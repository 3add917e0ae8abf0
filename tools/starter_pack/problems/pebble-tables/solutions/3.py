# A sieve: the smallest heap not yet crossed out is lost, and it crosses out every heap from which a
# move leads to it.
input()
moves = [int(word) for word in input().split()]
heaps = [int(word) for word in input().split()]
unmarked = list(range(max(heaps) + 1))
lost = set()
while unmarked:
    heap = unmarked[0]
    lost.add(heap)
    crossed_out = {heap} | {heap + move for move in moves}
    unmarked = [other for other in unmarked if other not in crossed_out]
print("".join("s" if heap in lost else "f" for heap in heaps))
