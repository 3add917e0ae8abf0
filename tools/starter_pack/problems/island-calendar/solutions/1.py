# Turn the page day by day.
n = int(input())
months = list(map(int, input().split()))
leap = int(input())
year, month, day = map(int, input().split())
for _ in range(int(input())):
    day += 1
    if day > months[month - 1] + (month == n and year % leap == 0):
        day = 1
        month += 1
        if month > n:
            month = 1
            year += 1
print(year, month, day)
