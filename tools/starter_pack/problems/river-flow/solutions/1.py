# Follow the water of each spring down to the lake.
n = int(input())
following = [int(word) for word in input().split()]
springs = [int(word) for word in input().split()]
flow = [0] * n
for spring in range(n):
    pond = spring + 1
    while pond:
        flow[pond - 1] += springs[spring]
        pond = following[pond - 1]
print(*flow)
