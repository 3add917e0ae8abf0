# Ask backwards: from which squares is the end reached? Each square of the room is traced at once.
n = int(input())
start = tuple(map(int, input().split()))
step = {"N": (0, 1), "E": (1, 0), "S": (0, -1), "W": (-1, 0)}
squares = [(x, y) for x in range(10) for y in range(10)]
end = {square: square for square in squares}
for move in reversed(input().strip()):
    dx, dy = step[move]
    # where one ends from (x, y) is where one ends, later, from the square next to it
    end = {
        (x, y): end[x + dx, y + dy] if (x + dx, y + dy) in end else end[x, y] for x, y in squares
    }
print(*end[start])
