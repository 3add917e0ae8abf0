# Look at every pair.
n = int(input())
finish = list(map(int, input().split()))
overtakings = 0
for i in range(n):
    for j in range(i + 1, n):
        if finish[i] > finish[j]:
            overtakings += 1
print(overtakings)
