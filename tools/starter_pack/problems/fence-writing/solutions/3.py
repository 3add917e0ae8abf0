# Cut the text into the rails, whose lengths are counted first; then take letters from their heads
# while going down and up the fence.
n, rails = map(int, input().split())
text = input().strip()
zigzag = [*range(rails), *range(rails - 2, 0, -1)]
walk = (zigzag * n)[:n]
queues, start = [], 0
for rail in range(rails):
    size = walk.count(rail)
    queues.append(iter(text[start : start + size]))
    start += size
print("".join(next(queues[rail]) for rail in walk))
