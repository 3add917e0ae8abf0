import random


def generate_testcase(scale):
    """An order drawn evenly from all."""
    n = scale["n"]
    values = list(range(1, n + 1))
    random.shuffle(values)
    return f"{n}\n{' '.join(map(str, values))}\n", {"values": values}
