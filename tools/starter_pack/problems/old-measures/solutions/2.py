# Measure both in the smallest unit, subtract, and measure in large units again.
import sys

n, *numbers = map(int, sys.stdin.read().split())
factors = numbers[: n - 1]
store, sold = numbers[n - 1 : 2 * n - 1], numbers[2 * n - 1 :]


def small(amount):
    total = amount[0]
    for factor, count in zip(factors, amount[1:]):
        total = total * factor + count
    return total


rest = small(store) - small(sold)
left = []
for factor in reversed(factors):
    rest, count = divmod(rest, factor)
    left.append(count)
print(rest, *reversed(left))
