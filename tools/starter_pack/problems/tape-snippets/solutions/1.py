# Cut out everything, and throw away what is there already.
n = int(input())
tape = input().strip()
print(len({tape[i:j] for i in range(n) for j in range(i + 1, n + 1)}))
