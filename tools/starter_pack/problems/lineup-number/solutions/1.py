# Of the orders that begin alike, skip those whose next dancer is smaller; count from left to right.
n = int(input())
left = list(range(1, n + 1))
evenings = 0
for dancer in map(int, input().split()):
    smaller = left.index(dancer)
    evenings = (evenings * len(left) + smaller) % 997
    left.pop(smaller)
print((evenings + 1) % 997)
