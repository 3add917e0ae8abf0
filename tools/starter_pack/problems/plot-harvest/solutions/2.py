# Walk over every square of every plot.
import sys

words = sys.stdin.read().split()
n = int(words[0])
rows, numbers = words[2 : n + 2], list(map(int, words[n + 2 :]))
totals = []
for i in range(0, len(numbers), 4):
    a, b, c, d = numbers[i : i + 4]
    totals.append(sum(int(digit) for row in rows[a - 1 : c] for digit in row[b - 1 : d]))
print(" ".join(map(str, totals)))
