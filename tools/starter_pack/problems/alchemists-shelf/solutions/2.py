# Each new substance is told to the recipes that lack it; a recipe that lacks nothing gives its own.
import sys

n, m, *numbers = map(int, sys.stdin.read().split())
queue, rest = numbers[:3], numbers[3:]
lacks = [2] * m
wants = [[] for _ in range(n + 1)]
for recipe in range(m):
    for substance in rest[3 * recipe : 3 * recipe + 2]:
        wants[substance].append(recipe)
made = ["0"] * (n + 1)
for substance in queue:
    made[substance] = "1"
for substance in queue:
    for recipe in wants[substance]:
        lacks[recipe] -= 1
        product = rest[3 * recipe + 2]
        if lacks[recipe] == 0 and made[product] == "0":
            made[product] = "1"
            queue.append(product)
print("".join(made[1:]))
