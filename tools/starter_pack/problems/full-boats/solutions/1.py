# The heaviest goes with the lightest if that is allowed, and alone if not.
n, limit = map(int, input().split())
weights = sorted(int(word) for word in input().split())
boats, light, heavy = 0, 0, n - 1
while light <= heavy:
    if weights[light] + weights[heavy] <= limit:
        light += 1
    heavy -= 1
    boats += 1
print(boats)
