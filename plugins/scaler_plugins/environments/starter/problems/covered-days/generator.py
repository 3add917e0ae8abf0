import random


def generate_testcase(scale):
    """The covered days are drawn first, and then cut into stays that overlap or touch."""
    n = scale["n"]
    covered = random.randint(1, 10)
    free = 10 - covered
    blocks = random.randint(1, min(n, covered, free + 1))
    cuts = [0, *sorted(random.sample(range(1, covered), blocks - 1)), covered]
    skipped = sorted(random.sample(range(free + 1), blocks))
    stays = [[cuts[i] + skipped[i], cuts[i + 1] - 1 + skipped[i]] for i in range(blocks)]
    while len(stays) < n:
        i = random.randrange(len(stays))
        first, last = stays[i]
        end = random.randint(first, last)
        start = random.randint(first, min(last, end + 1))
        stays[i] = [first, end]
        stays.append([start, last])
    random.shuffle(stays)
    lines = "".join(f"{first} {last}\n" for first, last in stays)
    return f"{n}\n{lines}", {"stays": stays}
