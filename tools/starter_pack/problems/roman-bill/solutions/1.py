# Into numbers, add, and back; a letter before a larger one is taken away.
worth = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
input()
total = 0
for price in input().split():
    for letter, after in zip(price, price[1:] + "I"):
        total += -worth[letter] if worth[letter] < worth[after] else worth[letter]
ones = ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"]
tens = [text.translate(str.maketrans("IVX", "XLC")) for text in ones]
hundreds = [text.translate(str.maketrans("IVX", "CDM")) for text in ones]
digits = total // 100 % 10, total // 10 % 10, total % 10
print("M" * (total // 1000) + hundreds[digits[0]] + tens[digits[1]] + ones[digits[2]])
