# Letter by letter: how many words end in each room?
n, m = map(int, input().split())
lit = input().strip()
doors = [[int(word) - 1 for word in input().split()] for _ in range(n)]
words = [1] + [0] * (n - 1)
for _ in range(m):
    longer = [0] * n
    for room, count in enumerate(words):
        for door in doors[room]:
            longer[door] = (longer[door] + count) % 997
    words = longer
print(sum(count for count, state in zip(words, lit) if state == "1") % 997)
