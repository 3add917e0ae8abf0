# A set keeps one of each.
n = int(input())
print(len(set(input().split())))
