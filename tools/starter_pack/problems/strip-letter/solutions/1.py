# Write the whole strip and read the letter off.
n, k = map(int, input().split())
strip = ""
for _ in range(n):
    letter, count = input().split()
    strip += letter * int(count)
print(strip[k - 1])
