# Count all ways as if every stair were good, then take away for each broken stair, from the lowest,
# the ways that step on it as their first broken one.
n = int(input())
stairs = input().strip()
free = [1, 1, 2]
while len(free) <= n:
    free.append(free[-1] + free[-2] + free[-3])
first = {}
for place in [i for i, stair in enumerate(stairs, start=1) if stair == "b"] + [n]:
    first[place] = free[place] - sum(count * free[place - low] for low, count in first.items())
print(first[n] % 997)
