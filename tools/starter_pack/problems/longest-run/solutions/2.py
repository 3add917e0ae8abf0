# Cut the word into its runs and take the longest piece.
import re
import sys

word = sys.stdin.read().split()[1]
pieces = [match.group() for match in re.finditer(r"(.)\1*", word)]
print(max(map(len, pieces)))
