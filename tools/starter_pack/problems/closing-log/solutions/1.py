# Keep a pile of the open boxes.
input()
pile = []
for letter in input().strip():
    if letter.isupper():
        pile.append(letter)
    else:
        pile.pop()
print("".join(reversed(pile)).lower())
