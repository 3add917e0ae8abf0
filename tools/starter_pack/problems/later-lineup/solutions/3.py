# For each singer the number of smaller ones to the right: these are the digits of a number whose
# digits, from the right, run to 0, 1, 2, ... Add with carries, and read the order off again.
n, later = map(int, input().split())
lineup = [int(word) for word in input().split()]
digits = [sum(b < a for b in lineup[i:]) for i, a in enumerate(lineup)]
carry = later
for i in range(n - 1, -1, -1):
    carry, digits[i] = divmod(digits[i] + carry, n - i)
order = []
for digit in reversed(digits):
    order = [digit] + [one + (one >= digit) for one in order]
print(*(one + 1 for one in order))
