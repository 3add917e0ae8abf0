import random


def row_of(total):
    """A row of three trees that bear *total* pears together."""
    trees = [0, 0, 0]
    for _ in range(total):
        trees[random.choice([i for i in range(3) if trees[i] < 3])] += 1
    return "".join(map(str, trees))


def generate_testcase(scale):
    """The largest total is drawn first, from 0 to 9; every other row has at most as much."""
    n = scale["n"]
    largest = random.randint(0, 9)
    totals = [random.randint(0, largest) for _ in range(n)]
    totals[random.randrange(n)] = largest
    rows = [row_of(total) for total in totals]
    return f"{n}\n" + "".join(f"{row}\n" for row in rows), {"rows": rows}
