import random


def generate_testcase(scale):
    """The answer is drawn first, evenly; the last card of a random order makes it come true."""
    n = scale["n"]
    answer = random.randint(0, 15)
    missing = 0
    while missing == 0:
        cards = [random.randint(1, 15) for _ in range(n - 1)]
        missing = answer
        for card in cards:
            missing ^= card
    cards.insert(random.randrange(n), missing)
    return f"{n}\n{' '.join(map(str, cards))}\n", {"cards": cards}
