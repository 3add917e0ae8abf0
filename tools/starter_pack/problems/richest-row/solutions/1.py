# Add up each row and keep the largest total.
n = int(input())
most = 0
for _ in range(n):
    pears = 0
    for digit in input().strip():
        pears += int(digit)
    if pears > most:
        most = pears
print(most)
