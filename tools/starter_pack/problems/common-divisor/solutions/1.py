# Euclid's algorithm, one plank after the other.


def common(a, b):
    while b:
        a, b = b, a % b
    return a


n = int(input())
length = 0
for plank in map(int, input().split()):
    length = common(length, plank)
print(length)
