# Lamp after lamp; only the last two matter for what is to come.
n, m = map(int, input().split())
rules = set()
for _ in range(m):
    first, pattern = input().split()
    rules.add((int(first), pattern))
ways = {"00": 1, "01": 1, "10": 1, "11": 1}
for first in range(1, n - 1):
    after = dict.fromkeys(ways, 0)
    for two, count in ways.items():
        for lamp in "01":
            if (first, two + lamp) not in rules:
                after[two[1] + lamp] += count
    ways = after
print(sum(ways.values()) % 997)
