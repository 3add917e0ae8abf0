# Minute by minute: the most talks that can have been heard by then.
import sys

_, *minutes = map(int, sys.stdin.read().split())
talks = list(zip(minutes[::2], minutes[1::2]))
most = [0] * 201
for minute in range(1, 201):
    most[minute] = max(
        [most[minute - 1]] + [most[begin] + 1 for begin, end in talks if end == minute]
    )
print(most[200])
