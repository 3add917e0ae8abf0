# A poster adds what is left of it after the earlier posters are cut out of it, piece by piece.
n = int(input())
earlier = []
area = 0
for _ in range(n):
    poster = tuple(map(int, input().split()))
    pieces = [poster]
    for a, b, c, d in earlier:
        cut = []
        for x1, y1, x2, y2 in pieces:
            left, right = max(x1, a), min(x2, c)
            low, high = max(y1, b), min(y2, d)
            if left >= right or low >= high:
                cut.append((x1, y1, x2, y2))
                continue
            cut += [(x1, y1, left, y2), (right, y1, x2, y2)]
            cut += [(left, y1, right, low), (left, high, right, y2)]
        pieces = [(p, q, r, s) for p, q, r, s in cut if p < r and q < s]
    area += sum((r - p) * (s - q) for p, q, r, s in pieces)
    earlier.append(poster)
print(area)
