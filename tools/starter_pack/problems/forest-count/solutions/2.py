# Union-find: start with one forest a square; each shared side that joins two makes one fewer.
import sys

n, m, *rows = sys.stdin.read().split()
parent = {(r, c): (r, c) for r, row in enumerate(rows) for c, mark in enumerate(row) if mark == "f"}
forests = len(parent)


def root(square):
    while parent[square] != square:
        parent[square] = parent[parent[square]]
        square = parent[square]
    return square


for r, c in list(parent):
    for other in ((r + 1, c), (r, c + 1)):
        if other in parent:
            a, b = root((r, c)), root(other)
            if a != b:
                parent[a] = b
                forests -= 1
print(forests)
