# No two roads join the same towns, so count the roads that end in t.
n, t = input().split()
count = 0
for _ in range(int(n)):
    x, y = input().split()
    if x == t or y == t:
        count += 1
print(count)
