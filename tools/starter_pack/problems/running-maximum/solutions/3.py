# Divide and conquer: solve both halves, then lift the right one to where the left one ended.


def markers(readings):
    if len(readings) == 1:
        return readings
    middle = len(readings) // 2
    left, right = markers(readings[:middle]), markers(readings[middle:])
    return left + [mark if mark > left[-1] else left[-1] for mark in right]


input()
print(" ".join(str(mark) for mark in markers([int(word) for word in input().split()])))
