# How many ordered pairs give each mix? A Walsh-Hadamard transform of the tally counts them.
input()
tally = [0] * 256
for paint in input().split():
    tally[int(paint)] += 1


def transform(values):
    if len(values) == 1:
        return values
    half = len(values) // 2
    low, high = transform(values[:half]), transform(values[half:])
    return [a + b for a, b in zip(low, high)] + [a - b for a, b in zip(low, high)]


pairs = transform([value * value for value in transform(tally)])
print(sum(mix * count // 256 for mix, count in enumerate(pairs)) // 2)
