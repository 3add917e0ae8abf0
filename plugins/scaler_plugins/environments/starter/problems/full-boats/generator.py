import random


def boats_for(values, limit):
    """The fewest boats: the heaviest goes with the lightest where that is allowed."""
    waiting = sorted(values)
    boats = 0
    while waiting:
        heaviest = waiting.pop()
        if waiting and waiting[0] + heaviest <= limit:
            waiting.pop(0)
        boats += 1
    return boats


def generate_testcase(scale):
    """The number of boats is drawn first; then animals grow or shrink until it is right.

    One animal more or less heavy never makes more than one boat of difference.
    """
    n = scale["n"]
    limit = random.randint(9, 12)
    drawn = random.randint((n + 1) // 2, n)
    values = [random.randint(1, 9) for _ in range(n)]
    boats = boats_for(values, limit)
    while boats != drawn:
        animal = random.randrange(n)
        weight = values[animal]
        values[animal] = random.randint(weight, 9) if boats < drawn else random.randint(1, weight)
        boats = boats_for(values, limit)
    return f"{n} {limit}\n{' '.join(map(str, values))}\n", {"limit": limit, "values": values}
