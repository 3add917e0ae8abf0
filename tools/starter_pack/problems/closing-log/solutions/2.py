# Strike out an opening that is directly followed by its closing, until none is left.
import sys

log = sys.stdin.read().split()[1]
before = None
while log != before:
    before = log
    for pair in ("Aa", "Bb", "Cc", "Dd"):
        log = log.replace(pair, "")
print(log[::-1].lower())
