# Multiply the prime factors that all planks share, each as often as the plank that has it least.


def factors(number):
    found, prime = {}, 2
    while prime * prime <= number:
        while number % prime == 0:
            found[prime] = found.get(prime, 0) + 1
            number //= prime
        prime += 1
    if number > 1:
        found[number] = found.get(number, 0) + 1
    return found


input()
shared = None
for plank in input().split():
    of_plank = factors(int(plank))
    if shared is None:
        shared = of_plank
    else:
        shared = {p: min(k, of_plank[p]) for p, k in shared.items() if p in of_plank}
answer = 1
for prime, times in shared.items():
    answer *= prime**times
print(answer)
