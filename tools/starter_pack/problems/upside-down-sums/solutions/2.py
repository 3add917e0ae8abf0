# Two stacks: an operator waits until one comes that does not bind tighter.
import sys

text = sys.stdin.read().strip()
numbers, waiting = [], []


def work():
    right, left = numbers.pop(), numbers.pop()
    numbers.append((left + right if waiting.pop() == "+" else left * right) % 997)


for sign in text:
    if sign.isdigit():
        numbers.append(int(sign))
    elif sign == "(":
        waiting.append(sign)
    elif sign == ")":
        while waiting[-1] != "(":
            work()
        waiting.pop()
    else:
        while waiting and (waiting[-1] == "+" or waiting[-1] == sign):
            work()
        waiting.append(sign)
while waiting:
    work()
print(numbers[0] % 997)
