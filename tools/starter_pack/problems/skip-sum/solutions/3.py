# Divide and conquer. A stretch is summed up by four totals: [first tree free to be shaken or not]
# x [last tree free or not]; two stretches meet where at most one of the touching trees is free.


def totals(apples):
    if len(apples) == 1:
        return [[0, 0], [0, apples[0]]]
    middle = len(apples) // 2
    left, right = totals(apples[:middle]), totals(apples[middle:])
    return [
        [max(left[a][0] + right[1][b], left[a][1] + right[0][b]) for b in (0, 1)] for a in (0, 1)
    ]


input()
print(totals([int(word) for word in input().split()])[1][1])
