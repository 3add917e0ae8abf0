# Two matrix products: a plot's total is (its rows, as 0 and 1) x field x (its columns, as 0 and 1).
n, m = map(int, input().split())
field = [[int(digit) for digit in input().strip()] for _ in range(n)]
columns = list(zip(*field))
answers = []
for _ in range(m):
    a, b, c, d = map(int, input().split())
    chosen_rows = [1 if a <= i <= c else 0 for i in range(1, n + 1)]
    chosen_columns = [1 if b <= i <= d else 0 for i in range(1, n + 1)]
    product = [sum(x * y for x, y in zip(chosen_rows, column)) for column in columns]
    answers.append(sum(x * y for x, y in zip(product, chosen_columns)))
print(*answers)
