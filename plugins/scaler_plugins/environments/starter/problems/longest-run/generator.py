import random


def generate_testcase(scale):
    """The longest run is drawn first, from 1 to 10; shorter or equal runs fill the rest."""
    n = scale["n"]
    longest = random.randint(1, min(n, 10))
    lengths = [longest]
    left = n - longest
    while left > 0:
        lengths.append(random.randint(1, min(longest, left)))
        left -= lengths[-1]
    random.shuffle(lengths)
    word, letter = "", ""
    for length in lengths:
        letter = random.choice([other for other in "abc" if other != letter])
        word += letter * length
    return f"{n}\n{word}\n", {"word": word}
