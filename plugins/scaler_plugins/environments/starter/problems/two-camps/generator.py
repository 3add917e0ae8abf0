import random


def generate_testcase(scale):
    """Camps are drawn first and pairs taken across them; one troop in eight gets an odd ring."""
    n, m = scale["n"], scale["m"]
    scouts = list(range(1, n + 1))
    random.shuffle(scouts)
    small = random.randint((n + 1) // 3, n // 2)
    camps = [scouts[:small], scouts[small:]]
    pairs = []
    if random.random() < 0.125:
        length = random.randrange(3, min(n, m) + 1, 2)
        ring = random.sample(scouts, length)
        pairs = [[ring[i], ring[i - 1]] for i in range(length)]
    while len(pairs) < m:
        pairs.append([random.choice(camp) for camp in random.sample(camps, 2)])
    random.shuffle(pairs)
    lines = "".join(f"{x} {y}\n" for x, y in pairs)
    return f"{n} {m}\n{lines}", {"n": n, "pairs": pairs}
