# Keep the later of two letters along the word.
n = int(input())
word = input().strip()
latest = word[0]
for letter in word:
    if ord(letter) > ord(latest):
        latest = letter
print(latest)
