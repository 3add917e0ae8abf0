import random


def generate_testcase(scale):
    """A hidden order is drawn first; every rule names two jobs as they come in it."""
    n, m = scale["n"], scale["m"]
    hidden = list(range(1, n + 1))
    random.shuffle(hidden)
    rules = []
    for _ in range(m):
        before, after = sorted(random.sample(range(n), 2))
        rules.append([hidden[before], hidden[after]])
    lines = "".join(f"{x} {y}\n" for x, y in rules)
    return f"{n} {m}\n{lines}", {"n": n, "rules": rules}
