import random


def generate_testcase(scale):
    """How many stairs break is drawn first; never three in a row, so that the top is reached."""
    n = scale["n"]
    share = random.uniform(0, 0.5)
    stairs = ""
    for _ in range(n - 1):
        broken = random.random() < share and not stairs.endswith("bb")
        stairs += "b" if broken else "g"
    stairs += "g"
    return f"{n}\n{stairs}\n", {"stairs": stairs}
