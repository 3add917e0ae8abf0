import random


def generate_testcase(scale):
    """People join a tall tree in a hidden order; who settles the argument is drawn evenly."""
    n = scale["n"]
    people = list("abcdefghijklmnopqrstuvwxyz"[: n + 1])
    random.shuffle(people)
    boss = {}
    lists = {people[0]: people[0]}
    for place in range(1, n + 1):
        person = people[place]
        boss[person] = people[random.randint(max(0, place - 4), place - 1)]
        lists[person] = person + lists[boss[person]]
    settled = {}
    for x in people:
        for y in people:
            if x != y:
                judge = next(name for name in lists[x] if name in lists[y])
                settled.setdefault(judge, []).append((x, y))
    judge = random.choice([person for person in people if person in settled])
    x, y = random.choice(settled[judge])
    pairs = [person + boss[person] for person in people[1:]]
    random.shuffle(pairs)
    lines = "".join(f"{pair}\n" for pair in pairs)
    return f"{n} {x} {y}\n{lines}", {"x": x, "y": y, "pairs": pairs}
