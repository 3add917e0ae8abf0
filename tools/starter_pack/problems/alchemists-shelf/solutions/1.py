# Go over the recipes until no substance is added any more.
n, m = map(int, input().split())
have = set(map(int, input().split()))
recipes = [tuple(map(int, input().split())) for _ in range(m)]
size = 0
while size < len(have):
    size = len(have)
    for a, b, c in recipes:
        if a in have and b in have:
            have.add(c)
print("".join("1" if substance in have else "0" for substance in range(1, n + 1)))
