# Sort the places by their rail, which follows from the remainder in a zigzag.
import sys

n, rails, text = sys.stdin.read().split()
n, bottom = int(n), int(rails) - 1
order = sorted(range(n), key=lambda place: (bottom - abs(bottom - place % (2 * bottom)), place))
print("".join(letter for _, letter in sorted(zip(order, text))))
