# A tree of counters over the start numbers: how many with a larger number have arrived already?
n = int(input())
tree = [0] * (n + 1)
overtakings = 0
for arrived, runner in enumerate(map(int, input().split())):
    smaller, place = 0, runner
    while place > 0:
        smaller += tree[place]
        place -= place & -place
    overtakings += arrived - smaller
    place = runner
    while place <= n:
        tree[place] += 1
        place += place & -place
print(overtakings)
