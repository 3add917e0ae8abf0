import random


def generate_testcase(scale):
    """Tunnels are dug at random and rarely meet; the number of steps is drawn among those there."""
    n, m = scale["n"], scale["m"]

    def beside(square):
        row, column = square
        around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        return [(r, c) for r, c in around if 0 <= r < n and 0 <= c < m]

    start = (random.randrange(n), random.randrange(m))
    floor = {start: None}
    ends = beside(start)
    while ends:
        square = ends.pop(-1 if random.random() < 0.7 else random.randrange(len(ends)))
        meets = sum(other in floor for other in beside(square))
        if square not in floor and (meets == 1 or random.random() < 0.06):
            floor[square] = None
            ends.extend(random.sample(beside(square), len(beside(square))))
    start = random.choice(list(floor))
    steps = {start: 0}
    reached = [start]
    for square in reached:
        for other in beside(square):
            if other in floor and other not in steps:
                steps[other] = steps[square] + 1
                reached.append(other)
    drawn = random.randint(1, max(steps.values()))
    end = random.choice([square for square in reached if steps[square] == drawn])
    marks = {**dict.fromkeys(floor, "o"), start: "s", end: "e"}
    rows = ["".join(marks.get((r, c), "r") for c in range(m)) for r in range(n)]
    return f"{n} {m}\n" + "".join(f"{row}\n" for row in rows), {"rows": rows}
