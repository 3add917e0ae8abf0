import random


def generate_testcase(scale):
    """Random stretches of up to six equal commands, so that the robot meets the walls."""
    n = scale["n"]
    start = [random.randint(0, 9), random.randint(0, 9)]
    moves = ""
    while len(moves) < n:
        moves += random.choice("NESW") * random.randint(1, 6)
    moves = moves[:n]
    return f"{n}\n{start[0]} {start[1]}\n{moves}\n", {"start": start, "moves": moves}
