# Walk along the row and remember the highest price so far.
n = int(input())
best = None
for price in input().split()[:n]:
    price = int(price)
    if best is None or price > best:
        best = price
print(best)
