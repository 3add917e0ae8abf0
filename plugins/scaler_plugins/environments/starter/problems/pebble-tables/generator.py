import random


def generate_testcase(scale):
    """Who wins is drawn for each table first, then a heap on which this guest wins."""
    n = scale["n"]
    moves = sorted(random.sample(range(1, 10), 3))
    wins = [False]
    for heap in range(1, 2 * n + 5):
        wins.append(any(move <= heap and not wins[heap - move] for move in moves))
    heaps = []
    for _ in range(n):
        winner = random.random() < 0.5
        heaps.append(random.choice([heap for heap in range(1, len(wins)) if wins[heap] == winner]))
    lines = "".join(" ".join(map(str, row)) + "\n" for row in (moves, heaps))
    return f"{n}\n{lines}", {"moves": moves, "heaps": heaps}
