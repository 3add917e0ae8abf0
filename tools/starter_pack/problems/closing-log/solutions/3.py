# Read backwards: an opening is still open if no closing that was read already waits for it.
n = int(input())
log = input().strip()
waiting = 0
added = ""
for place in range(n - 1, -1, -1):
    if log[place] in "abcd":
        waiting += 1
    elif waiting > 0:
        waiting -= 1
    else:
        added += chr(ord(log[place]) + 32)
print(added)
