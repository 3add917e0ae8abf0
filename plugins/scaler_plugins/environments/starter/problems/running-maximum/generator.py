import random


def generate_testcase(scale):
    """How often the marker moves is drawn first, then when and how far."""
    n = scale["n"]
    moves = random.randint(1, min(n, 20))
    records = sorted(random.sample(range(100), moves))
    days = [0, *sorted(random.sample(range(1, n), moves - 1))]
    record_on = dict(zip(days, records))
    values, marker = [], 0
    for day in range(n):
        if day in record_on:
            marker = record_on[day]
            values.append(marker)
        else:
            values.append(random.randint(0, marker))
    return f"{n}\n{' '.join(map(str, values))}\n", {"values": values}
