# The row is a number in base two. A power of two of rounds works like one round with the lamp that
# many places to the left, so m falls apart into its bits.
n, m = map(int, input().split())
row = int(input().strip().replace("b", "1").replace("d", "0"), 2)
jump = 1
while jump <= m:
    if m & jump:
        row ^= row >> jump
    jump *= 2
print(format(row, f"0{n}b").replace("1", "b").replace("0", "d"))
