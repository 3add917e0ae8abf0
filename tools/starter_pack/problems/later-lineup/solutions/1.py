# One order further, again and again.
n, later = map(int, input().split())
lineup = list(map(int, input().split()))
for _ in range(later):
    i = n - 2
    while lineup[i] > lineup[i + 1]:
        i -= 1
    j = n - 1
    while lineup[j] < lineup[i]:
        j -= 1
    lineup[i], lineup[j] = lineup[j], lineup[i]
    lineup[i + 1 :] = reversed(lineup[i + 1 :])
print(*lineup)
