# Sort by first day and count only what reaches beyond the days counted so far.
import sys

numbers = list(map(int, sys.stdin.read().split()))[1:]
stays = sorted(zip(numbers[::2], numbers[1::2]))
reached, lit = -1, 0
for first, last in stays:
    if last > reached:
        lit += last - max(first, reached + 1) + 1
        reached = last
print(lit)
