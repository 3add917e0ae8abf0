# Ask from the top: is there a row with 9 pears, with 8, ...? A row is weighed by its digits.
n = int(input())
grid = [input().strip() for _ in range(n)]


def weight(row):
    return row.count("1") + 2 * row.count("2") + 3 * row.count("3")


seen = {weight(row) for row in grid}
print(next(total for total in range(9, -1, -1) if total in seen))
