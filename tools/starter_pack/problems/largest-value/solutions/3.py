# A knock-out tournament: the higher price of each half meets the other half's.


def champion(prices):
    if len(prices) == 1:
        return prices[0]
    middle = len(prices) // 2
    left, right = champion(prices[:middle]), champion(prices[middle:])
    return left if left > right else right


count = int(input())
print(champion([int(word) for word in input().split()][:count]))
