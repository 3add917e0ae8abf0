import random


def generate_testcase(scale):
    """Every state is equally likely, and so every answer: no two states lead to the same one."""
    n, m = scale["n"], scale["m"]
    lamps = "".join(random.choice("bd") for _ in range(n))
    return f"{n} {m}\n{lamps}\n", {"m": m, "lamps": lamps}
