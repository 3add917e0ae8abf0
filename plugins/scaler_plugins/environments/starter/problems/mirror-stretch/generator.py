import random


def generate_testcase(scale):
    """The length of a mirror is drawn first, evenly; random tiles stand left and right of it."""
    n = scale["n"]
    length = random.randint(1, n)
    half = [random.choice("abc") for _ in range((length + 1) // 2)]
    mirror = half + half[: length // 2][::-1]
    others = [random.choice("abc") for _ in range(n - length)]
    left = random.randint(0, n - length)
    word = "".join(others[:left] + mirror + others[left:])
    return f"{n}\n{word}\n", {"word": word}
