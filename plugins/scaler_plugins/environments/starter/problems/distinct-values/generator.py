import random


def generate_testcase(scale):
    """How many different digits there are is drawn first, so every count is equally likely."""
    n = scale["n"]
    digits = random.sample(range(10), random.randint(1, min(n, 10)))
    values = digits + [random.choice(digits) for _ in range(n - len(digits))]
    random.shuffle(values)
    return f"{n}\n{' '.join(map(str, values))}\n", {"values": values}
