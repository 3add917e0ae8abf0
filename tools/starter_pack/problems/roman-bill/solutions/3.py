# Write down the numerals of all numbers in turn, and look the prices and the total up in that list.
n = int(input())
prices = input().split()
numerals = [""]
steps = "M CM D CD C XC L XL X IX V IV I".split()
sizes = [1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1]
for number in range(1, 120 * n + 1):
    size, step = next((s, t) for s, t in zip(sizes, steps) if s <= number)
    numerals.append(step + numerals[number - size])
print(numerals[sum(numerals.index(price) for price in prices)])
