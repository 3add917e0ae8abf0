# A position is lost for the player to move if the exclusive or of its heaps is 0.
n = int(input())
heaps = list(map(int, input().split()))
total = 0
for size in heaps:
    total ^= size
for number, size in enumerate(heaps, start=1):
    if size ^ total < size:
        print(number, size - (size ^ total))
        break
