# Always hear the talk that ends first among those that have not begun yet.
n = int(input())
talks = [tuple(map(int, input().split())) for _ in range(n)]
heard, free_from = 0, 0
for begin, end in sorted(talks, key=lambda talk: talk[1]):
    if begin >= free_from:
        heard += 1
        free_from = end
print(heard)
