# Two, four, eight shuffles in one; the binary digits of the number say which of them to do.
n, times = map(int, input().split())
goes_to = [int(word) - 1 for word in input().split()]
place_of = list(range(n))
while times:
    if times & 1:
        place_of = [goes_to[place] for place in place_of]
    goes_to = [goes_to[place] for place in goes_to]
    times >>= 1
order = sorted(range(n), key=place_of.__getitem__)
print(*(card + 1 for card in order))
