# Letters that are as far apart as the key is long hang together: alternately add and take away.
import sys

_, key, text = sys.stdin.read().split()
size = len(key)
numbers = [ord(letter) - 97 for letter in key + text]
message = ""
for place in range(size, len(numbers)):
    chain = numbers[place::-size]
    value = sum(number if i % 2 == 0 else -number for i, number in enumerate(chain))
    message += chr(97 + value % 26)
print(message)
