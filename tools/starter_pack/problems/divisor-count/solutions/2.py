# The exponent of a prime p is the number of multiples of p, plus that of p * p, and so on.
import sys

_, *numbers = map(int, sys.stdin.read().split())
count = 1
for p in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29):
    exponent, power = 0, p
    while power <= 30:
        exponent += sum(number % power == 0 for number in numbers)
        power *= p
    count *= exponent + 1
print(count % 997)
