import math
import random


def generate_testcase(scale):
    """Corners in different directions around a well, in the order of their directions.

    Neighbouring directions are less than half a turn apart, so the border never crosses itself.
    Points are drawn anew until this holds; a walk may begin anywhere and go either way.
    """
    n = scale["n"]
    well = 20
    while True:
        corners = {}
        while len(corners) < n:
            x, y = random.randint(0, 40) - well, random.randint(0, 40) - well
            step = math.gcd(x, y)
            if step:
                corners.setdefault((x // step, y // step), (x, y))
        ring = sorted(corners.values(), key=lambda corner: math.atan2(corner[1], corner[0]))
        following = ring[1:] + ring[:1]
        if all(a[0] * b[1] - a[1] * b[0] > 0 for a, b in zip(ring, following)):
            break
    begin = random.randrange(n)
    ring = ring[begin:] + ring[:begin]
    corners = [[x + well, y + well] for x, y in ring[:: random.choice([1, -1])]]
    lines = "".join(f"{x} {y}\n" for x, y in corners)
    return f"{n}\n{lines}", {"corners": corners}
