# Minute by minute: counters get free, customers come, and the queue moves up.
import sys

n, counters, *numbers = map(int, sys.stdin.read().split())
comes, takes = numbers[::2], numbers[1::2]
leaves = {}
busy, queue, waiting, minute = [], [], list(range(n)), 0
while len(leaves) < n:
    for customer in [one for one in busy if leaves[one] == minute]:
        busy.remove(customer)
    while waiting and comes[waiting[0]] == minute:
        queue.append(waiting.pop(0))
    while queue and len(busy) < counters:
        customer = queue.pop(0)
        leaves[customer] = minute + takes[customer]
        busy.append(customer)
    minute += 1
print(*(leaves[customer] for customer in range(n)))
