# Each team's place is the number of teams that stand above it, found by comparing pair by pair.
n, m = map(int, input().split())
books = [[0, 0, 0] for _ in range(n)]
for _ in range(m):
    one, other, x, y = input().split()
    lead = int(x) - int(y)
    for book, goals, plus in (
        (books[ord(one) - 65], int(x), lead),
        (books[ord(other) - 65], int(y), -lead),
    ):
        book[0] += (plus >= 0) + 2 * (plus > 0)
        book[1] += plus
        book[2] += goals
places = [None] * n
for i in range(n):
    above = 0
    for j in range(n):
        if books[j] > books[i] or (books[j] == books[i] and j < i):
            above += 1
    places[above] = chr(65 + i)
print("".join(places))
