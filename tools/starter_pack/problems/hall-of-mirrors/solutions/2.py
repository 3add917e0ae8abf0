# From mirror to mirror: the next one in a direction is looked up in the row or the column.
import sys

words = sys.stdin.read().split()
n, m, hall, entry = int(words[0]), int(words[1]), words[2:-1], int(words[-1])
columns = ["".join(column) for column in zip(*hall)]
turn = {
    "/": {"east": "north", "north": "east", "west": "south", "south": "west"},
    "L": {"east": "south", "south": "east", "west": "north", "north": "west"},
}
row, column, heading = entry - 1, -1, "east"
while True:
    line = hall[row] if heading in ("east", "west") else columns[column]
    at = column if heading in ("east", "west") else row
    ahead = range(at + 1, len(line)) if heading in ("east", "south") else range(at - 1, -1, -1)
    found = next((place for place in ahead if line[place] != "."), None)
    if found is None:
        print(heading, (row if heading in ("east", "west") else column) + 1, sep="-")
        break
    if heading in ("east", "west"):
        column = found
    else:
        row = found
    heading = turn[line[found]][heading]
