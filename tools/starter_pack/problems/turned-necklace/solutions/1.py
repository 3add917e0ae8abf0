# All readings.
n = int(input())
beads = input().strip()
print(min(beads[i:] + beads[:i] for i in range(n)))
