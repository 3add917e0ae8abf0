import random


def generate_testcase(scale):
    """The weight that is asked for is drawn evenly, and so is its place among all fish.

    Of the other fish, so many are lighter or equal as the place demands; the fish are dealt to the
    two boats at random.
    """
    n, m = scale["n"], scale["m"]
    k = random.randint(1, n + m)
    asked = random.randint(0, 999)
    lighter = [random.randint(0, asked) for _ in range(k - 1)]
    heavier = [random.randint(asked, 999) for _ in range(n + m - k)]
    fish = [asked, *lighter, *heavier]
    random.shuffle(fish)
    first, second = sorted(fish[:n]), sorted(fish[n:])
    lines = [f"{n} {m} {k}", " ".join(map(str, first)), " ".join(map(str, second))]
    return "\n".join(lines) + "\n", {"k": k, "first": first, "second": second}
