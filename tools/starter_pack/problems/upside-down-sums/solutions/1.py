# Three rules that call each other: a product of sums of atoms.
text = list(input().strip()) + ["."]
place = 0


def product():
    global place
    value = total()
    while text[place] == "*":
        place += 1
        value = value * total() % 997
    return value


def total():
    global place
    value = atom()
    while text[place] == "+":
        place += 1
        value += atom()
    return value


def atom():
    global place
    place += 1
    if text[place - 1] != "(":
        return int(text[place - 1])
    value = product()
    place += 1
    return value


print(product() % 997)
