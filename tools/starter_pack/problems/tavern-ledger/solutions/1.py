# Each question reads the whole ledger.
n, m = map(int, input().split())
entries = [input().split() for _ in range(n)]
answers = []
for _ in range(m):
    guest, first, last = input().split()
    answers.append(
        sum(
            int(coins)
            for name, day, coins in entries
            if name == guest and int(first) <= int(day) <= int(last)
        )
    )
print(*answers)
