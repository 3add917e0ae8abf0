# Every boat takes the heaviest animal left and the heaviest other one that still fits.
n, limit = map(int, input().split())
waiting = [0] * 10
for word in input().split():
    waiting[int(word)] += 1
boats = 0
for first in range(9, 0, -1):
    while waiting[first]:
        waiting[first] -= 1
        boats += 1
        for second in range(min(9, limit - first), 0, -1):
            if waiting[second]:
                waiting[second] -= 1
                break
print(boats)
