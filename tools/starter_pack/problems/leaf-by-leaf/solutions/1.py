# Look for the smallest leaf again each time.
n = int(input())
tied = {knot: set() for knot in range(1, n + 1)}
for _ in range(n - 1):
    a, b = map(int, input().split())
    tied[a].add(b)
    tied[b].add(a)
notes = []
while len(tied) > 2:
    leaf = min(knot for knot, others in tied.items() if len(others) == 1)
    (other,) = tied.pop(leaf)
    tied[other].remove(leaf)
    notes.append(other)
print(*notes)
