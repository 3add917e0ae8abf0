import random

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def generate_testcase(scale):
    """The latest letter is drawn first; all others are drawn up to it."""
    n = scale["n"]
    latest = random.randrange(26)
    places = [random.randint(0, latest) for _ in range(n)]
    places[random.randrange(n)] = latest
    word = "".join(ALPHABET[place] for place in places)
    return f"{n}\n{word}\n", {"word": word}
