import random


def generate_testcase(scale):
    """Towns stand in a hidden row from 1 to n; roads reach a few places along it.

    A chain of roads from the first town to the last is laid before all others.
    """
    n, m = scale["n"], scale["m"]
    middle = list(range(2, n))
    random.shuffle(middle)
    row = [1, *middle, n]
    longest = min(m, n - 1)
    links = random.randint((longest + 1) // 2, longest)
    stops = [0, *sorted(random.sample(range(1, n - 1), links - 1)), n - 1]
    spans = list(zip(stops, stops[1:]))
    while len(spans) < m:
        start = random.randrange(n - 1)
        spans.append((start, min(n - 1, start + random.randint(1, 4))))
    roads = []
    for a, b in spans:
        ends = random.sample([row[a], row[b]], 2)
        roads.append([*ends, random.randint(1, min(99, 12 * (b - a)))])
    random.shuffle(roads)
    lines = "".join(f"{x} {y} {w}\n" for x, y, w in roads)
    return f"{n} {m}\n{lines}", {"n": n, "roads": roads}
