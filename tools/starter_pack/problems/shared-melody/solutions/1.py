# Table over the beginnings of both songs.
n, m = map(int, input().split())
first, second = input().strip(), input().strip()
table = [[0] * (m + 1) for _ in range(n + 1)]
for i in range(n):
    for j in range(m):
        if first[i] == second[j]:
            table[i + 1][j + 1] = table[i][j] + 1
        else:
            table[i + 1][j + 1] = max(table[i][j + 1], table[i + 1][j])
print(table[n][m])
