# Obey one command after the other.
n = int(input())
x, y = map(int, input().split())
for move in input().strip():
    if move == "N" and y < 9:
        y += 1
    elif move == "S" and y > 0:
        y -= 1
    elif move == "E" and x < 9:
        x += 1
    elif move == "W" and x > 0:
        x -= 1
print(x, y)
