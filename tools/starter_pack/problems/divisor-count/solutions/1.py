# Take every number apart and add up the exponents of the primes.
from collections import Counter

input()
exponents = Counter()
for number in map(int, input().split()):
    divisor = 2
    while number > 1:
        while number % divisor == 0:
            exponents[divisor] += 1
            number //= divisor
        divisor += 1
count = 1
for exponent in exponents.values():
    count = count * (exponent + 1) % 997
print(count)
