# For every bottle the best total of a choice that ends with it.
n = int(input())
worth = [int(word) for word in input().split()]
ending = []
for i in range(n):
    before = [ending[j] for j in range(i) if worth[j] < worth[i]]
    ending.append(worth[i] + max(before, default=0))
print(max(ending))
