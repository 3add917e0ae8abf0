import random


def generate_testcase(scale):
    """Digits and the corners of the plots are drawn independently."""
    n, m = scale["n"], scale["m"]
    rows = ["".join(random.choice("0123456789") for _ in range(n)) for _ in range(n)]
    plots = []
    for _ in range(m):
        top, bottom = sorted(random.choices(range(1, n + 1), k=2))
        left, right = sorted(random.choices(range(1, n + 1), k=2))
        plots.append([top, left, bottom, right])
    lines = [*rows, *(" ".join(map(str, plot)) for plot in plots)]
    return f"{n} {m}\n" + "".join(f"{line}\n" for line in lines), {"rows": rows, "plots": plots}
