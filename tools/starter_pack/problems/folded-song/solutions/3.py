# Nothing is unfolded: with the length of each repeat known, every place is traced down to its letter.
first = int(input())
song = input().strip()
size, end_of, opened = {}, {}, [0]
begins = []
for i, sign in enumerate(song):
    if sign == "(":
        begins.append(i)
        opened.append(0)
    elif sign == ")":
        start = begins.pop()
        size[start], end_of[start] = opened.pop(), i
        opened[-1] += int(song[start - 1]) * size[start]
    elif sign.isalpha():
        opened[-1] += 1


def letter(place):
    i = 0
    while True:
        if song[i].isalpha():
            if place == 0:
                return song[i]
            place -= 1
            i += 1
            continue
        whole = int(song[i]) * size[i + 1]
        if place < whole:
            place %= size[i + 1]
            i += 2
        else:
            place -= whole
            i = end_of[i + 1] + 1


print(*(letter(first - 1 + step) for step in range(7)), sep="")
