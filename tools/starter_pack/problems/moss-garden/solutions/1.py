# Day after day.
n = int(input())
a, b, c = map(int, input().split())
p, q, r = map(int, input().split())
for _ in range(n - 3):
    a, b, c = b, c, (p * c + q * b + r * a) % 97
print(c)
