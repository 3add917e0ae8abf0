# Put the huts up one after the other; the ends of the longest walk so far are all one must remember.
n = int(input())
parents = [int(word) - 1 for word in input().split()]
lengths = [int(word) for word in input().split()]
far = [[0]]
ends, best = (0, 0), 0
for hut, (above, length) in enumerate(zip(parents, lengths), start=1):
    row = [distance + length for distance in far[above]] + [0]
    for other in range(hut):
        far[other].append(row[other])
    far.append(row)
    for end in ends:
        if row[end] > best:
            best, ends = row[end], (end, hut)
print(best)
