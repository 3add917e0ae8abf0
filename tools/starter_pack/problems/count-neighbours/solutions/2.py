# Fill the adjacency matrix and add up one row.
import sys

words = sys.stdin.read().split()
matrix = [[0] * 12 for _ in range(12)]
ends = ["abcdefghijkl".index(letter) for letter in words[1:]]
for x, y in zip(ends[1::2], ends[2::2]):
    matrix[x][y] = matrix[y][x] = 1
print(sum(matrix[ends[0]]))
