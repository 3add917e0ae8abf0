import random


def generate_testcase(scale):
    """The number of groups is drawn first; each grows as a tree and gets further acquaintances."""
    n, m = scale["n"], scale["m"]
    count = random.randint(1, min(n // 2, 15))
    guests = list(range(1, n + 1))
    random.shuffle(guests)
    groups = [[guest] for guest in guests[:count]]
    pairs = []
    for guest in guests[count:]:
        group = random.choice(groups)
        pairs.append([random.choice(group), guest])
        group.append(guest)
    larger = [group for group in groups if len(group) > 1]
    while len(pairs) < m:
        pairs.append(random.sample(random.choice(larger), 2))
    pairs = [pair if random.random() < 0.5 else pair[::-1] for pair in pairs]
    random.shuffle(pairs)
    lines = "".join(f"{x} {y}\n" for x, y in pairs)
    return f"{n} {m}\n{lines}", {"n": n, "pairs": pairs}
