# A run of k implies one of k - 1, so bisect on k and search the word for k equal letters.
n = int(input())
word = input()


def has_run(k):
    return any(colour * k in word for colour in "abc")


low, high = 1, n
while low < high:
    middle = (low + high + 1) // 2
    if has_run(middle):
        low = middle
    else:
        high = middle - 1
print(low)
