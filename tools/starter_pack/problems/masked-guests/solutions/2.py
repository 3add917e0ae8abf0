# As a regular expression.
import re
import sys

_, pattern, *names = sys.stdin.read().split()
form = re.compile(pattern.replace("*", "[abc]*").replace("?", "[abc]"))
print("".join("1" if form.fullmatch(name) else "0" for name in names))
