# Guess the weight, halving the range; a search over the bridges that hold it tells if it is too much.
n, m = map(int, input().split())
bridges = [[int(word) for word in input().split()] for _ in range(m)]


def arrives(load):
    reached = {1}
    grown = True
    while grown:
        grown = False
        for x, y, weight in bridges:
            if weight >= load and (x in reached) != (y in reached):
                reached |= {x, y}
                grown = True
    return n in reached


low, high = 1, 99
while low < high:
    middle = (low + high + 1) // 2
    low, high = (middle, high) if arrives(middle) else (low, middle - 1)
print(low)
