# Let stretches of all places grow together, one tree at a time, until one of them is enough.
n, goal = map(int, input().split())
values = list(map(int, input().split()))
stretches = values
length = 1
while max(stretches) < goal:
    stretches = [total + value for total, value in zip(stretches, values[length:])]
    length += 1
print(length)
