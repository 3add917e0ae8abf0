# In the order of the list.
n = int(input())
on = [digit == "1" for digit in input().strip()]
for _ in range(n):
    letter, x, y = input().split()
    lit = on[int(x) - 1] + on[int(y) - 1]
    on.append(lit == 2 if letter == "A" else lit >= 1 if letter == "O" else lit == 1)
print("".join("1" if state else "0" for state in on[3:]))
