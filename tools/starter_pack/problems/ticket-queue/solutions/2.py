# Whoever needs fewer turns leaves earlier, and of equals the one further to the front.
import sys

_, q, *wants = map(int, sys.stdin.read().split())
people = sorted(range(len(wants)), key=lambda i: -(-wants[i] // q))
print(*[i + 1 for i in people])
