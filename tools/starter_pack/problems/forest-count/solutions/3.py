# Row by row: only the forests that touch the row above are kept, as sets of columns. A forest that
# does not reach the next row is complete.
n, m = map(int, input().split())
complete, growing = 0, []
for _ in range(n):
    row = input().strip()
    pieces = []
    for column, mark in enumerate(row):
        if mark == "f":
            if column and row[column - 1] == "f":
                pieces[-1].add(column)
            else:
                pieces.append({column})
    for forest in growing:
        touched = [piece for piece in pieces if piece & forest]
        if touched:
            pieces = [piece for piece in pieces if not piece & forest] + [set().union(*touched)]
        else:
            complete += 1
    growing = pieces
print(complete + len(growing))
