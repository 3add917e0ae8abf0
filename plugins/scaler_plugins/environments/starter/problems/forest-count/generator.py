import random


def generate_testcase(scale):
    """The number of forests is drawn first; each grows from one square, away from the others."""
    n, m = scale["n"], scale["m"]
    squares = [(row, column) for row in range(n) for column in range(m)]
    random.shuffle(squares)
    count = random.randint(1, min(n * m // 3, 40))
    forest_at = {}

    def beside(square):
        row, column = square
        around = [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        return [(r, c) for r, c in around if 0 <= r < n and 0 <= c < m]

    for square in squares:
        if len(forest_at) < count and not any(other in forest_at for other in beside(square)):
            forest_at[square] = len(forest_at)
    edge = list(forest_at)
    for _ in range(random.randint(0, n * m)):
        square = random.choice(edge)
        forest = forest_at[square]
        grown = random.choice(beside(square))
        near = {forest_at[other] for other in beside(grown) if other in forest_at}
        if grown not in forest_at and near == {forest}:
            forest_at[grown] = forest
            edge.append(grown)
    rows = ["".join("f" if (r, c) in forest_at else "m" for c in range(m)) for r in range(n)]
    return f"{n} {m}\n" + "".join(f"{row}\n" for row in rows), {"rows": rows}
