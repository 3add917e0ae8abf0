# Move the marker along.
n = int(input())
marker = -1
shown = []
for reading in map(int, input().split()):
    if reading > marker:
        marker = reading
    shown.append(str(marker))
print(" ".join(shown))
