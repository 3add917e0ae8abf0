# Bit masks and a restart: scan upwards for a free job and, once it is done, jump back only to the
# smallest job that it has set free.
n, m = map(int, input().split())
needs = [0] * (n + 1)
for _ in range(m):
    x, y = map(int, input().split())
    needs[y] |= 1 << x
done = 0
order = []
job = 1
while len(order) < n:
    if done >> job & 1 or needs[job] & ~done:
        job += 1
        continue
    done |= 1 << job
    order.append(str(job))
    freed = [j for j in range(1, job) if needs[j] >> job & 1 and needs[j] & ~done == 0]
    job = min(freed, default=job)
print(" ".join(order))
