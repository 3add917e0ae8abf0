# Cut off one ear after the other: a triangle of three neighbouring corners that bulges outwards and
# holds no other corner.


def turn(a, b, c):
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


n = int(input())
corners = [tuple(map(int, input().split())) for _ in range(n)]
lowest = corners.index(min(corners))  # the border surely bulges outwards here
if turn(corners[lowest - 1], corners[lowest], corners[(lowest + 1) % n]) < 0:
    corners.reverse()
doubled = 0
while len(corners) > 2:
    for i in range(len(corners)):
        a, b, c = corners[i - 2], corners[i - 1], corners[i]
        size = turn(a, b, c)
        inside = (
            turn(a, b, p) >= 0 and turn(b, c, p) >= 0 and turn(c, a, p) >= 0
            for p in corners
            if p not in (a, b, c)
        )
        if size == 0 or (size > 0 and not any(inside)):
            doubled += size
            del corners[i - 1]
            break
print(doubled)
