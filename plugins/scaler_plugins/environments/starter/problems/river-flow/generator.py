import random


def generate_testcase(scale):
    """Ponds lie in a hidden order from the valley up; each drains into one a little below it."""
    n = scale["n"]
    ponds = list(range(1, n + 1))
    random.shuffle(ponds)
    following = [0] * n
    for height in range(1, n):
        if random.random() < 0.9:
            below = random.randint(max(0, height - 4), height - 1)
            following[ponds[height] - 1] = ponds[below]
    values = [random.randint(1, 20) for _ in range(n)]
    lines = "".join(" ".join(map(str, row)) + "\n" for row in (following, values))
    return f"{n}\n{lines}", {"next": following, "values": values}
