import random

TELLS = {"A": lambda x, y: x and y, "O": lambda x, y: x or y, "X": lambda x, y: x != y}


def generate_testcase(scale):
    """Whether a lamp is on is drawn first, then a wiring that makes it so."""
    n = scale["n"]
    switches = random.choice(["001", "010", "011", "100", "101", "110", "111"])
    states = [digit == "1" for digit in switches]
    lamps = []
    for _ in range(n):
        wanted = random.random() < 0.5
        wirings = []
        while not wirings:
            x, y = random.sample(range(len(states)), 2)
            wirings = [[letter, x + 1, y + 1] for letter in "AOX"]
            wirings = [w for w in wirings if TELLS[w[0]](states[x], states[y]) == wanted]
        lamps.append(random.choice(wirings))
        states.append(wanted)
    lines = "".join(f"{letter} {x} {y}\n" for letter, x, y in lamps)
    return f"{n}\n{switches}\n{lines}", {"switches": switches, "lamps": lamps}
