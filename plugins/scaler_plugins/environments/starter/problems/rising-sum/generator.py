import random


def generate_testcase(scale):
    """Independent worths; the totals spread widely by themselves."""
    n = scale["n"]
    values = [random.randint(1, 99) for _ in range(n)]
    return f"{n}\n{' '.join(map(str, values))}\n", {"values": values}
