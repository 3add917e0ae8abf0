# Take a card, throw out all cards like it, and see how many times that works.
input()
cards = input().split()


def kinds(rest):
    if not rest:
        return 0
    return 1 + kinds([card for card in rest if card != rest[0]])


print(kinds(cards))
