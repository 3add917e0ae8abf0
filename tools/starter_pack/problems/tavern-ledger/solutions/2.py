# Running totals over the days of each guest; a question takes the difference of two.
import sys
from itertools import accumulate

n, m, *words = sys.stdin.read().split()
n = int(n)
spent = {guest: [0] * 31 for guest in "ABC"}
for i in range(0, 3 * n, 3):
    spent[words[i]][int(words[i + 1])] += int(words[i + 2])
until = {guest: list(accumulate(days)) for guest, days in spent.items()}
rest = words[3 * n :]
triples = zip(rest[::3], rest[1::3], rest[2::3])
print(*(until[g][int(last)] - until[g][int(first) - 1] for g, first, last in triples))
