# Write both lists as the rule says.
n, x, y = input().split()
boss = dict(input().strip() for _ in range(int(n)))


def names(person):
    written = [person]
    while written[-1] in boss:
        written.append(boss[written[-1]])
    return written


of_y = set(names(y))
print(next(name for name in names(x) if name in of_y))
