import random


def generate_testcase(scale):
    """In how many rounds each person is served is drawn first, up to four, then the numbers."""
    n = scale["n"]
    q = random.randint(1, 5)
    rounds = [random.randint(1, 4) for _ in range(n)]
    wants = [q * (count - 1) + random.randint(1, q) for count in rounds]
    return f"{n} {q}\n{' '.join(map(str, wants))}\n", {"q": q, "wants": wants}
