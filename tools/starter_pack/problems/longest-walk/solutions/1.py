# From the last hut up: the two longest ways down from each hut make the best walk with it on top.
n = int(input())
parents = [0, 0] + list(map(int, input().split()))
lengths = [0, 0] + list(map(int, input().split()))
down = [0] * (n + 1)
best = 0
for hut in range(n, 1, -1):
    above, way = parents[hut], down[hut] + lengths[hut]
    best = max(best, down[above] + way)
    down[above] = max(down[above], way)
print(best)
