# Again and again the first innermost bracket is replaced by its value: cut at *, add up, multiply.
import re
from math import prod

text = "(" + input().strip() + ")"
while "(" in text:
    inner = re.search(r"\([^()]*\)", text)
    value = prod(sum(map(int, part.split("+"))) for part in inner[0][1:-1].split("*"))
    text = text[: inner.start()] + str(value % 997) + text[inner.end() :]
print(int(text))
