# Walk once over the days; questions of a guest open and close, and every entry is paid into those
# that are open.
n, m = map(int, input().split())
events = []
for _ in range(n):
    guest, day, coins = input().split()
    events.append((int(day), 1, guest, int(coins)))
for question in range(m):
    guest, first, last = input().split()
    events.append((int(first), 0, guest, question))
    events.append((int(last), 2, guest, question))
answers = [0] * m
is_open = {"A": set(), "B": set(), "C": set()}
for _, kind, guest, value in sorted(events):
    if kind == 0:
        is_open[guest].add(value)
    elif kind == 2:
        is_open[guest].remove(value)
    else:
        for question in is_open[guest]:
            answers[question] += value
print(*answers)
