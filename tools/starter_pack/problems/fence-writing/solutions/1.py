# Write the numbers of the places in a zigzag, read them rail by rail, and put the letters there.
n, rails = map(int, input().split())
text = input().strip()
lines = [[] for _ in range(rails)]
rail, step = 0, 1
for place in range(n):
    lines[rail].append(place)
    if not 0 <= rail + step < rails:
        step = -step
    rail += step
message = [""] * n
for letter, place in zip(text, [place for line in lines for place in line]):
    message[place] = letter
print("".join(message))
