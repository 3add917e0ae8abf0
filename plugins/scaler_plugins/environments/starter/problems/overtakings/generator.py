import random


def generate_testcase(scale):
    """The number of overtakings is drawn first and shared out among the runners.

    Runner i can overtake at most the i - 1 runners before; inserting the runners one by one, each
    so far from the end as it overtakes others, gives the order of arrival.
    """
    n = scale["n"]
    wanted = random.randint(0, n * (n - 1) // 2)
    shares = []
    for before in reversed(range(n)):
        room = before * (before - 1) // 2
        fair = before * wanted // max(1, before + room)
        share = fair + random.randint(-before // 3, before // 3)
        share = max(wanted - room, 0, min(share, before, wanted))
        shares.append(share)
        wanted -= share
    finish = []
    for runner, share in enumerate(reversed(shares), start=1):
        finish.insert(len(finish) - share, runner)
    return f"{n}\n{' '.join(map(str, finish))}\n", {"finish": finish}
