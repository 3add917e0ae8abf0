# A suffix automaton, grown letter by letter; a state stands for as many snippets as its longest one
# is longer than that of its link.
input()
length, link, follow = [0], [-1], [{}]
last = 0
for letter in input().strip():
    new = len(length)
    length.append(length[last] + 1)
    link.append(0)
    follow.append({})
    state = last
    while state >= 0 and letter not in follow[state]:
        follow[state][letter] = new
        state = link[state]
    if state >= 0:
        target = follow[state][letter]
        if length[target] == length[state] + 1:
            link[new] = target
        else:
            copy = len(length)
            length.append(length[state] + 1)
            link.append(link[target])
            follow.append(dict(follow[target]))
            while state >= 0 and follow[state].get(letter) == target:
                follow[state][letter] = copy
                state = link[state]
            link[target] = link[new] = copy
    last = new
print(sum(length[state] - length[link[state]] for state in range(1, len(length))))
