# Push the drawer in from z until a letter of the word is met.
import sys

word = sys.stdin.read().split()[1]
place = 25
while chr(ord("a") + place) not in word:
    place -= 1
print(chr(ord("a") + place))
