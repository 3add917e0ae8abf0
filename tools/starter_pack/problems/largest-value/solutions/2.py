# Sort the prices; the last one is the answer.
import sys

numbers = list(map(int, sys.stdin.read().split()))
prices = sorted(numbers[1 : numbers[0] + 1])
print(prices[-1])
