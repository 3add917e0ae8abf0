# Ask for each day whether any stay holds it.
n = int(input())
stays = [tuple(map(int, input().split())) for _ in range(n)]
lit = 0
for day in range(10):
    if any(first <= day <= last for first, last in stays):
        lit += 1
print(lit)
