# Powers of the matrix that leads from one day to the next, by repeated squaring.
n = int(input())
start = list(map(int, input().split()))
p, q, r = map(int, input().split())


def times(left, right):
    return [
        [sum(left[i][k] * right[k][j] for k in range(3)) % 97 for j in range(3)] for i in range(3)
    ]


step = [[0, 1, 0], [0, 0, 1], [r, q, p]]
power = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
days = n - 1
while days:
    if days % 2:
        power = times(power, step)
    step = times(step, step)
    days //= 2
print(sum(w * s for w, s in zip(power[0], start)) % 97)
