import random


def generate_testcase(scale):
    """How many boxes stay open is drawn first, at most 12; then the log, one letter at a time."""
    n = scale["n"]
    open_at_end = random.randrange(2 - n % 2, min(n, 12) + 1, 2)
    stack, log = [], []
    for left in reversed(range(n)):
        may_open = len(stack) + 1 <= open_at_end + left
        may_close = stack and len(stack) - 1 >= open_at_end - left
        if may_open and (not may_close or random.random() < 0.5):
            stack.append(random.choice("ABCD"))
            log.append(stack[-1])
        else:
            log.append(stack.pop().lower())
    text = "".join(log)
    return f"{n}\n{text}\n", {"log": text}
