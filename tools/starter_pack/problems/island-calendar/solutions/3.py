# Month by month: count on from the first of the month, and hand what is left to the next one.
n = int(input())
months = [int(word) for word in input().split()]
leap = int(input())
year, month, day = map(int, input().split())
left = day - 1 + int(input())
month -= 1
while True:
    size = months[month]
    if month == n - 1 and year % leap == 0:
        size += 1
    if left < size:
        break
    left -= size
    year, month = (year + 1, 0) if month == n - 1 else (year, month + 1)
print(year, month + 1, left + 1)
