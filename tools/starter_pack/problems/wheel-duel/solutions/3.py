# Tally both wheels, then go up through the numbers with the count of smaller fields at hand.
n, m = map(int, input().split())
tally = [[0] * 51, [0] * 51]
for wheel in tally:
    for number in map(int, input().split()):
        wheel[number] += 1
wins = smaller = 0
for a, b in zip(*tally):
    wins += a * smaller
    smaller += b
top, bottom = wins, n * m
for divisor in range(min(n * m, max(wins, 1)), 1, -1):
    if wins and top % divisor == 0 and bottom % divisor == 0:
        top, bottom = top // divisor, bottom // divisor
print(f"{top}/{bottom}" if wins else "0/1")
