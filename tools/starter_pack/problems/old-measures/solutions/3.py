# From the largest unit on: one more is gone exactly if the smaller units of the store do not suffice.
n = int(input())
factors = [21] + [int(word) for word in input().split()]
store = [int(word) for word in input().split()]
sold = [int(word) for word in input().split()]
left = []
for i in range(n):
    broken = store[i + 1 :] < sold[i + 1 :]
    left.append((store[i] - sold[i] - broken) % factors[i])
print(*left)
