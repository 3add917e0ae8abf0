# Block by block of the key's length, with the whole table of shifted alphabets.
n = int(input())
block = input().strip()
text = input().strip()
alphabet = "abcdefghijklmnopqrstuvwxyz"
table = {
    shift: dict(zip(alphabet[i:] + alphabet[:i], alphabet)) for i, shift in enumerate(alphabet)
}
blocks = []
for start in range(0, n, len(block)):
    part = text[start : start + len(block)]
    block = "".join(table[shift][letter] for shift, letter in zip(block, part))
    blocks.append(block)
print("".join(blocks))
