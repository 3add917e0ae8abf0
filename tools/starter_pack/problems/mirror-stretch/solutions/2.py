# Grow a mirror around every tile and every joint between two tiles.
import sys

word = sys.stdin.read().split()[1]
longest = ""
for centre in range(2 * len(word) - 1):
    left = centre // 2
    right = left + centre % 2
    while left >= 0 and right < len(word) and word[left] == word[right]:
        left -= 1
        right += 1
    if right - left - 1 > len(longest):
        longest = word[left + 1 : right]
print(longest)
