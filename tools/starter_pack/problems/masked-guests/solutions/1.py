# All places of the pattern where one may stand after each letter.
n, pattern = input().split()
size = len(pattern)


def spread(places):
    places = set(places)
    for place in range(size):
        if place in places and pattern[place] == "*":
            places.add(place + 1)
    return places


answer = ""
for _ in range(int(n)):
    places = spread({0})
    for letter in input().strip():
        after = {place for place in places if place < size and pattern[place] == "*"}
        for place in places:
            if place < size and pattern[place] in ("?", letter):
                after.add(place + 1)
        places = spread(after)
    answer += str(int(size in places))
print(answer)
