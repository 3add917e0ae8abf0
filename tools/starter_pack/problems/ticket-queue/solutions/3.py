# Count for each person how many leave before: that is the place in the order.
n, q = map(int, input().split())
turns = [(int(word) + q - 1) // q for word in input().split()]
order = [0] * n
for i in range(n):
    earlier = sum(turn < turns[i] for turn in turns)
    equal_in_front = sum(turn == turns[i] for turn in turns[:i])
    order[earlier + equal_in_front] = i + 1
print(" ".join(map(str, order)))
