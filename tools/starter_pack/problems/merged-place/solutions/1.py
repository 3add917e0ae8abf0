# Take the lighter of the two foremost fish, k times.
n, m, k = map(int, input().split())
first = list(map(int, input().split()))
second = list(map(int, input().split()))
i = j = 0
for _ in range(k):
    if j == m or (i < n and first[i] <= second[j]):
        weight = first[i]
        i += 1
    else:
        weight = second[j]
        j += 1
print(weight)
