# Keep only the choices worth keeping: a dearer last bottle has to come with a larger total.
from bisect import bisect_left

input()
last, total = [0], [0]
for value in map(int, input().split()):
    place = bisect_left(last, value)
    reached = total[place - 1] + value
    end = place
    while end < len(last) and total[end] <= reached:
        end += 1
    if place == len(last) or last[place] > value or end > place:
        last[place:end] = [value]
        total[place:end] = [reached]
print(total[-1])
