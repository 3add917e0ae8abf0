# Compare every value with the target.
n, target = map(int, input().split())
hits = 0
for value in map(int, input().split()):
    if value == target:
        hits += 1
print(hits)
