import random


def generate_testcase(scale):
    """The number of hits is drawn first, from 0 to 9, and then hidden among other digits."""
    n = scale["n"]
    target = random.randint(0, 9)
    others = [digit for digit in range(10) if digit != target]
    hits = random.randint(0, min(n, 9))
    values = [target] * hits + [random.choice(others) for _ in range(n - hits)]
    random.shuffle(values)
    return (
        f"{n} {target}\n{' '.join(map(str, values))}\n",
        {"target": target, "values": values},
    )
