# List the places where the songs agree; a melody is a chain of places that rises in both songs.
import sys
from bisect import bisect_left

_, _, first, second = sys.stdin.read().split()
ends = []  # ends[k]: the earliest place in the second song where a melody of k + 1 notes ends
for note in first:
    for place in reversed(range(len(second))):
        if second[place] == note:
            k = bisect_left(ends, place)
            ends[k : k + 1] = [place]
print(len(ends))
