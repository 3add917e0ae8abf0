import random


def generate_testcase(scale):
    """The length of the stretch is drawn first, evenly.

    The goal lies above the best sum of one tree fewer and not above the best sum of that many.
    """
    n = scale["n"]
    length = random.randint(1, n)
    values = [random.randint(1, 20) for _ in range(n)]

    def best(size):
        return max(sum(values[i : i + size]) for i in range(n - size + 1))

    goal = random.randint(best(length - 1) + 1, best(length))
    return f"{n} {goal}\n{' '.join(map(str, values))}\n", {"goal": goal, "values": values}
