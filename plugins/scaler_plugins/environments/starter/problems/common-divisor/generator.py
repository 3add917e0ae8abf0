import math
import random


def generate_testcase(scale):
    """All planks but one share a further factor, so that no plank may be left out.

    The answer is drawn first, from 1 to 60. Draws whose divisor came out larger are repeated.
    """
    n = scale["n"]
    divisor = random.randint(1, 60)
    factor = random.choice([2, 3, 5, 7])
    common = 0
    while common != divisor:
        step = divisor * factor
        values = [step * random.randint(1, 9999 // step) for _ in range(n)]
        values[random.randrange(n)] = divisor * random.randint(1, 9999 // divisor)
        common = math.gcd(*values)
    return f"{n}\n{' '.join(map(str, values))}\n", {"values": values}
