# Round after round.
n, m = map(int, input().split())
lamps = [letter == "b" for letter in input().strip()]
for _ in range(m):
    lamps = [lamps[0]] + [lamps[i] != lamps[i - 1] for i in range(1, n)]
print("".join("b" if lamp else "d" for lamp in lamps))
