# Ask the lamps from the last to the first; each asks what it is wired to, once.
import sys

words = sys.stdin.read().split()
n = int(words[0])
wiring = {i + 4: words[2 + 3 * i : 5 + 3 * i] for i in range(n)}
known = {i + 1: int(digit) for i, digit in enumerate(words[1])}


def state(number):
    if number not in known:
        letter, x, y = wiring[number]
        x, y = state(int(x)), state(int(y))
        known[number] = {"A": x * y, "O": x + y - x * y, "X": x + y - 2 * x * y}[letter]
    return known[number]


states = [state(number) for number in range(n + 3, 3, -1)]
print(*reversed(states), sep="")
