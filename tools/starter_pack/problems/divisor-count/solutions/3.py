# Multiply first; then divide the product by 2, 3, 4, ... as often as it goes.
import math

input()
product = math.prod(map(int, input().split()))
count, divisor = 1, 2
while product > 1:
    times = 1
    while product % divisor == 0:
        product //= divisor
        times += 1
    count *= times
    divisor += 1
print(count % 997)
