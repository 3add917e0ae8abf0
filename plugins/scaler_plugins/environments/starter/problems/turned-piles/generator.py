import random


def generate_testcase(scale):
    """A shuffled pile; no block has the size of the one before, which would undo it."""
    n, m = scale["n"], scale["m"]
    cards = random.sample(range(1, n + 1), n)
    turns = [random.randint(2, n)]
    while len(turns) < m:
        turns.append(random.choice([size for size in range(2, n + 1) if size != turns[-1]]))
    lines = [f"{n} {m}", " ".join(map(str, cards)), " ".join(map(str, turns))]
    return "\n".join(lines) + "\n", {"cards": cards, "turns": turns}
