# One bit a day: a stay is a block of ones, and the union is a bitwise or.
days = 0
for _ in range(int(input())):
    first, last = input().split()
    days |= (1 << (int(last) + 1)) - (1 << int(first))
print(bin(days).count("1"))
