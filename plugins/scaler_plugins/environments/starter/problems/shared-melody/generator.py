import random


def generate_testcase(scale):
    """A melody of a length drawn first, evenly, is hidden in both songs.

    The notes between are of two kinds, one for each bird, so that they lengthen the melody little.
    """
    n, m = scale["n"], scale["m"]
    notes = random.sample("abcdefgh", 8)
    length = random.randint(0, min(n, m))
    melody = [random.choice(notes) for _ in range(length)]
    songs = []
    for size, own in ((n, notes[:4]), (m, notes[4:])):
        song = [random.choice(own) for _ in range(size)]
        for place, note in zip(sorted(random.sample(range(size), length)), melody):
            song[place] = note
        songs.append("".join(song))
    first, second = songs
    return f"{n} {m}\n{first}\n{second}\n", {"first": first, "second": second}
