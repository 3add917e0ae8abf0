# Count how many fish have each weight, and add up the counts from the light end.
import sys

_, _, k, *fish = map(int, sys.stdin.read().split())
count = [0] * 1000
for weight in fish:
    count[weight] += 1
weight = 0
while k > count[weight]:
    k -= count[weight]
    weight += 1
print(weight)
