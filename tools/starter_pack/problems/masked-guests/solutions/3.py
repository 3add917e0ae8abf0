# Cut the pattern at its stars: the first and the last piece stand at the ends of the name, and each
# piece in between goes to the first place that is left for it.
n, pattern = input().split()
first, *middle, last = pattern.split("*")


def fits(piece, text):
    return len(piece) == len(text) and all(a in ("?", b) for a, b in zip(piece, text))


def matches(name):
    start, end = len(first), len(name) - len(last)
    if end < start or not fits(first, name[:start]) or not fits(last, name[end:]):
        return False
    for piece in middle:
        while start + len(piece) <= end and not fits(piece, name[start : start + len(piece)]):
            start += 1
        start += len(piece)
        if start > end:
            return False
    return True


print(*(int(matches(input().strip())) for _ in range(int(n))), sep="")
