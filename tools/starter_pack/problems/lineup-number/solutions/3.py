# Search the evening by halving: write out the order of an evening and compare it with the given.
from math import factorial

n = int(input())
wanted = [int(word) for word in input().split()]


def shown_on(evening):
    left, order = list(range(1, n + 1)), []
    for dancers in range(n, 0, -1):
        place, evening = divmod(evening, factorial(dancers - 1))
        order.append(left.pop(place))
    return order


low, high = 0, factorial(n) - 1
while low < high:
    middle = (low + high) // 2
    if shown_on(middle) < wanted:
        low = middle + 1
    else:
        high = middle
print((low + 1) % 997)
