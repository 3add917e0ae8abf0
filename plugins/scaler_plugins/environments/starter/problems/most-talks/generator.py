import random


def generate_testcase(scale):
    """The answer is drawn first, evenly: that many talks stand one after the other.

    Each further talk covers a minute that was chosen in one of these, so talks that do not overlap
    cover different chosen minutes, and there are never more of them.
    """
    n = scale["n"]
    answer = random.randint(1, n)
    times = sorted(random.sample(range(201), 2 * answer))
    talks = [[times[i], times[i + 1]] for i in range(0, 2 * answer, 2)]
    minutes = [random.randrange(begin, end) for begin, end in talks]
    while len(talks) < n:
        minute = random.choice(minutes)
        begin = max(0, minute - random.randint(0, 30))
        talks.append([begin, min(200, minute + random.randint(1, 30))])
    random.shuffle(talks)
    lines = "".join(f"{begin} {end}\n" for begin, end in talks)
    return f"{n}\n{lines}", {"talks": talks}
