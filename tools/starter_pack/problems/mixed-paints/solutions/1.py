# All pairs.
n = int(input())
paints = list(map(int, input().split()))
print(sum(paints[i] ^ paints[j] for i in range(n) for j in range(i)))
