# The longest way through the talks, where one leads to each that begins when it is over.
from functools import cache

n = int(input())
talks = [tuple(map(int, input().split())) for _ in range(n)]


@cache
def heard_from(i):
    following = [heard_from(j) for j in range(n) if talks[j][0] >= talks[i][1]]
    return 1 + max(following, default=0)


print(max(heard_from(i) for i in range(n)))
