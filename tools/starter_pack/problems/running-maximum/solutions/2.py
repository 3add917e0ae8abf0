# By definition: the largest value of every prefix.
import sys

n, *readings = map(int, sys.stdin.read().split())
print(*[max(readings[: i + 1]) for i in range(n)])
