# As the story goes: strike out the rules that are settled and look for the smallest free job.
import sys

n, m, *numbers = map(int, sys.stdin.read().split())
rules = list(zip(numbers[::2], numbers[1::2]))
to_do = set(range(1, n + 1))
order = []
while to_do:
    job = min(to_do - {y for _, y in rules})
    order.append(job)
    to_do.remove(job)
    rules = [rule for rule in rules if rule[0] != job]
print(*order)
