# Each letter that is found becomes a letter of the key.
n = int(input())
key = list(input().strip())
message = ""
for place, letter in enumerate(input().strip()):
    found = chr((ord(letter) - ord(key[place])) % 26 + ord("a"))
    key.append(found)
    message += found
print(message)
