# Two equal cards undo each other, so only numbers that occur an odd number of times are left; their
# lamps are taken as sets.
input()
cards = input().split()
on = set()
for number in set(cards):
    if cards.count(number) % 2 == 0:
        continue
    rest = int(number)
    for value in (8, 4, 2, 1):
        if rest >= value:
            rest -= value
            on = on - {value} if value in on else on | {value}
print(sum(on))
