# One number tells a team's standing; sort from the least important rule to the most important one.
import sys

n, m, *words = sys.stdin.read().split()
rows = list(zip(words[::4], words[1::4], map(int, words[2::4]), map(int, words[3::4])))
table = list("ABCDEFGHIJKLMNOPQRSTUV"[: int(n)])


def scored(team):
    return sum(x * (a == team) + y * (b == team) for a, b, x, y in rows)


def difference(team):
    return sum((x - y) * ((a == team) - (b == team)) for a, b, x, y in rows)


def points(team):
    total = 0
    for a, b, x, y in rows:
        if team in (a, b):
            total += 1 if x == y else 3 * ((x > y) == (a == team))
    return total


for rule in (scored, difference, points):
    table.sort(key=rule, reverse=True)
print(*table, sep="")
