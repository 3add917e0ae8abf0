# Cut the row in half: the ways of a stretch, by its first two and its last two lamps.
import sys

n, m, *words = sys.stdin.read().split()
rules = set(zip(map(int, words[::2]), words[1::2]))
pairs = ["00", "01", "10", "11"]


def stretch(start, end):
    """Ways from the lamps start, start + 1 to the lamps end, end + 1."""
    if end == start:
        return {(a, b): int(a == b) for a in pairs for b in pairs}
    if end == start + 1:
        return {
            (a, b): int(a[1] == b[0] and (start, a + b[1]) not in rules)
            for a in pairs
            for b in pairs
        }
    middle = (start + end) // 2
    left, right = stretch(start, middle), stretch(middle, end)
    return {
        (a, c): sum(left[a, b] * right[b, c] for b in pairs) % 997 for a in pairs for c in pairs
    }


print(sum(stretch(1, int(n) - 1).values()) % 997)
