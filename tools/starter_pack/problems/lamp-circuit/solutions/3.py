# For all eight settings of the switches at once, as eight bits, whatever the setting is; only the
# bit of the given setting is read in the end.
n = int(input())
setting = int(input(), 2)
bits = {1: 0b11110000, 2: 0b11001100, 3: 0b10101010}
for number in range(4, n + 4):
    letter, x, y = input().split()
    x, y = bits[int(x)], bits[int(y)]
    if letter == "A":
        bits[number] = x & y
    elif letter == "O":
        bits[number] = x | y
    else:
        bits[number] = x ^ y
print("".join(str(bits[number] >> setting & 1) for number in range(4, n + 4)))
