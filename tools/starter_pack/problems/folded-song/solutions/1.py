# Unfold the innermost repeats until none is left.
import re

place = int(input())
song = input().strip()
while "(" in song:
    song = re.sub(r"(\d)\(([a-h]*)\)", lambda found: found[2] * int(found[1]), song)
print(song[place - 1 : place + 6])
