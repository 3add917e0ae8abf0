# On paper: from the smallest unit on, one of the next larger unit is broken where needed.
n = int(input())
factors = list(map(int, input().split()))
store = list(map(int, input().split()))
sold = list(map(int, input().split()))
for i in range(n - 1, -1, -1):
    store[i] -= sold[i]
    if store[i] < 0:
        store[i] += factors[i - 1]
        store[i - 1] -= 1
print(*store)
