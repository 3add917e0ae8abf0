# Merge sort: whenever a runner of the right half goes first, it passes all who remain on the left.
import sys


def sort(runners):
    if len(runners) < 2:
        return runners, 0
    middle = len(runners) // 2
    left, passed_left = sort(runners[:middle])
    right, passed_right = sort(runners[middle:])
    merged, passed = [], passed_left + passed_right
    i = 0
    for runner in right:
        while i < len(left) and left[i] < runner:
            merged.append(left[i])
            i += 1
        passed += len(left) - i
        merged.append(runner)
    return merged + left[i:], passed


_, *finish = map(int, sys.stdin.read().split())
print(sort(finish)[1])
