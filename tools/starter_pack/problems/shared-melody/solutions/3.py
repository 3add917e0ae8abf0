# Follow the earliest ways of singing on: how far into both songs must one listen for k notes?
n, m = map(int, input().split())
first, second = input().strip(), input().strip()
frontier = {(-1, -1)}
length = 0
while True:
    reached = set()
    for i, j in frontier:
        for note in "abcdefgh":
            p, q = first.find(note, i + 1), second.find(note, j + 1)
            if p >= 0 and q >= 0:
                reached.add((p, q))
    if not reached:
        break
    # keep only the ways that no other way beats in both songs
    frontier, earliest = set(), m
    for p, q in sorted(reached):
        if q < earliest:
            frontier.add((p, q))
            earliest = q
    length += 1
print(length)
