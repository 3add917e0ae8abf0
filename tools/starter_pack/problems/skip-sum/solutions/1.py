# Along the road: the best total with the last tree shaken, and with it left alone.
n = int(input())
shaken, left_alone = 0, 0
for apples in map(int, input().split()):
    shaken, left_alone = left_alone + apples, max(shaken, left_alone)
print(max(shaken, left_alone))
