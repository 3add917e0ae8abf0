# The table of doors between two rooms, raised to the m-th power by squaring.
n, m = map(int, input().split())
lit = input().strip()
table = [[0] * n for _ in range(n)]
for row in table:
    for word in input().split():
        row[int(word) - 1] += 1


def times(left, right):
    columns = list(zip(*right))
    return [[sum(a * b for a, b in zip(row, column)) % 997 for column in columns] for row in left]


def power(base, exponent):
    if exponent == 1:
        return base
    half = power(base, exponent // 2)
    whole = times(half, half)
    return times(whole, base) if exponent % 2 else whole


row = power(table, m)[0]
print(sum(row[i] for i in range(n) if lit[i] == "1") % 997)
