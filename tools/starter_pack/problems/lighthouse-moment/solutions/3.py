# Join two lighthouses into one that flashes when both do, by the extended algorithm of Euclid.
import sys


def bezout(a, b):
    if b == 0:
        return a, 1, 0
    divisor, x, y = bezout(b, a % b)
    return divisor, y, x - a // b * y


n, *numbers = map(int, sys.stdin.read().split())
lights = list(zip(numbers[::2], numbers[1::2]))
while len(lights) > 1:
    (p, a), (q, b) = lights.pop(), lights.pop()
    divisor, x, _ = bezout(p, q)
    joint = p * q // divisor
    lights.insert(0, (joint, (a + p * (x * ((b - a) // divisor) % (q // divisor))) % joint))
print(lights[0][1])
