import random

TOWNS = "abcdefghijkl"


def generate_testcase(scale):
    """The number of neighbours is drawn first, from 0 to 9; other roads pass the town by."""
    n = scale["n"]
    town = random.choice(TOWNS)
    others = [other for other in TOWNS if other != town]
    neighbours = random.randint(0, min(n, 9))
    pairs = [(town, other) for other in random.sample(others, neighbours)]
    elsewhere = [(x, y) for x in others for y in others if x < y]
    pairs += random.sample(elsewhere, n - neighbours)
    random.shuffle(pairs)
    roads = [x + y if random.random() < 0.5 else y + x for x, y in pairs]
    lines = "".join(f"{road[0]} {road[1]}\n" for road in roads)
    return f"{n} {town}\n{lines}", {"town": town, "roads": roads}
