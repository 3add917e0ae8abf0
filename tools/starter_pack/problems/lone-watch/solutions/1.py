# How many are awake in each minute?
n = int(input())
awake = [0] * 300
for _ in range(n):
    start, end = map(int, input().split())
    for minute in range(start, end):
        awake[minute] += 1
print(awake.count(1))
