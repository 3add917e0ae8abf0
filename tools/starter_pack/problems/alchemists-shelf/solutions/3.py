# For each substance by itself: can it be made in at most n rounds? Round r asks round r - 1.
from functools import cache

n, m = map(int, input().split())
known = input().split()
recipes_for = {}
for _ in range(m):
    a, b, c = input().split()
    recipes_for.setdefault(c, []).append((a, b))


@cache
def can_make(substance, rounds):
    if substance in known:
        return True
    if rounds == 0:
        return False
    if can_make(substance, rounds - 1):
        return True
    pairs = recipes_for.get(substance, ())
    return any(can_make(a, rounds - 1) and can_make(b, rounds - 1) for a, b in pairs)


print(*(int(can_make(str(substance), n)) for substance in range(1, n + 1)), sep="")
