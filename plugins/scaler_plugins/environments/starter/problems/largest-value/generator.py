import random


def generate_testcase(scale):
    """A row of prices whose highest is drawn first, so that it stays spread out for every n."""
    n = scale["n"]
    largest = random.randint(10, 99)
    values = [random.randint(10, largest) for _ in range(n)]
    values[random.randrange(n)] = largest
    return f"{n}\n{' '.join(map(str, values))}\n", {"values": values}
