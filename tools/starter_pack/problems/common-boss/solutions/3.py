# From below: everybody hands the set of people under them to their boss; the one with the fewest
# people under them, x and y included, settles it.
n, x, y = input().split()
pairs = [input().strip() for _ in range(int(n))]
under = {letter: {letter} for pair in pairs for letter in pair}
changed = True
while changed:
    changed = False
    for person, boss in pairs:
        if not under[person] <= under[boss]:
            under[boss] |= under[person]
            changed = True
print(min((person for person in under if {x, y} <= under[person]), key=lambda p: len(under[p])))
