# Try all stretches, the longest first and from the left.
n = int(input())
word = input().strip()
for length in range(n, 0, -1):
    found = [
        word[start : start + length]
        for start in range(n - length + 1)
        if word[start : start + length] == word[start : start + length][::-1]
    ]
    if found:
        print(found[0])
        break
