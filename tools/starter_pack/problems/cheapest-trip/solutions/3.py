# Remove the towns in between one by one; a removed town leaves direct roads of the same total.
n, m = map(int, input().split())
direct = [{} for _ in range(n + 1)]


def lay(x, y, toll):
    if toll < direct[x].get(y, 10**9):
        direct[x][y] = direct[y][x] = toll


for _ in range(m):
    lay(*map(int, input().split()))
for town in range(2, n):
    around = list(direct[town].items())
    for other, _ in around:
        del direct[other][town]
    for i, (a, toll_a) in enumerate(around):
        for b, toll_b in around[:i]:
            lay(a, b, toll_a + toll_b)
print(direct[1][n])
