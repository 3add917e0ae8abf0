# Table over (start, end): a stretch is a mirror if its ends agree and its inside is a mirror.
n = int(input())
word = input().strip()
mirror = [[start >= end for end in range(n)] for start in range(n)]
best_start = best_end = 0
for start in reversed(range(n)):
    for end in range(start, n):
        if start < end:
            mirror[start][end] = word[start] == word[end] and mirror[start + 1][end - 1]
        if mirror[start][end] and end - start >= best_end - best_start:
            best_start, best_end = start, end
print(word[best_start : best_end + 1])
