# Go through the pairs and count k down until the run that uses it up.
import sys

words = sys.stdin.read().split()
left = int(words[1])
for letter, count in zip(words[2::2], words[3::2]):
    left -= int(count)
    if left <= 0:
        print(letter)
        break
