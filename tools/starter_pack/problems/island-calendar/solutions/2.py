# Number all days from the first day of year 1; years by a closed form, months by running totals.
import sys
from bisect import bisect_left
from itertools import accumulate

n, *rest = map(int, sys.stdin.read().split())
months, (leap, year, month, day, days) = rest[:n], rest[n:]


def before(y):
    return (y - 1) * sum(months) + (y - 1) // leap


number = before(year) + sum(months[: month - 1]) + day + days
low, high = year, year + days
while low < high:
    middle = (low + high + 1) // 2
    if before(middle) < number:
        low = middle
    else:
        high = middle - 1
ends = list(accumulate(months))
ends[-1] += low % leap == 0
inside = number - before(low)
place = bisect_left(ends, inside)
print(low, place + 1, inside - (ends[place - 1] if place else 0))
