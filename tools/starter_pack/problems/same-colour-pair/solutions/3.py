# Pour in one colour after the other and count the pairs that do not match; the rest does.
from math import gcd

input()
before = differ = 0
for count in map(int, input().split()):
    differ += before * count
    before += count
pairs = before * (before - 1) // 2
match = pairs - differ
print(str(match // gcd(match, pairs)) + "/" + str(pairs // gcd(match, pairs)))
