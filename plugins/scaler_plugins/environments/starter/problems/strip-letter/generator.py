import random

ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def generate_testcase(scale):
    """The run that is asked for is drawn first, then its letters; neighbours get other letters."""
    n = scale["n"]
    asked = random.randrange(n)
    runs = []
    for _ in range(n):
        before = runs[-1][0] if runs else ""
        letter = random.choice([other for other in ALPHABET if other != before])
        runs.append([letter, random.randint(1, 9)])
    k = sum(count for _, count in runs[:asked]) + random.randint(1, runs[asked][1])
    lines = "".join(f"{letter} {count}\n" for letter, count in runs)
    return f"{n} {k}\n{lines}", {"k": k, "runs": runs}
