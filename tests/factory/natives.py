"""Native environments, good and bad, that workers import by name."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from pathlib import Path

from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import Instance, Response, Ticket, Verdict


class Adder(NativeEnvironment):
    """Adds two numbers; an ordinary environment."""

    id = "adder"
    top_level = 3

    def make(self, level: int, seed: int) -> Instance:
        rng = random.Random(seed)
        first, second = rng.randrange(10**level), rng.randrange(10**level)
        return Instance(
            environment_id=self.id,
            level=level,
            seed=seed,
            messages=({"role": "user", "content": f"{first} + {second}?"},),
            truth=str(first + second),
            answer_type="number",
        )


class Judge(Adder):
    """Scores by itself; the response says what its scoring does."""

    id = "judge"
    scores_itself = True

    def make(self, level: int, seed: int) -> Instance:
        return super().make(level, seed).model_copy(update={"answer_type": None})

    def score(self, response: Response, ticket: Ticket) -> Verdict:
        if response.text == "raise":
            raise KeyError("scoring broke")
        if response.text == "sleep":
            time.sleep(600)
        if response.text == "loop":
            while True:
                pass
        if response.text == "die":
            os._exit(7)
        if response.text == "nothing":
            return None  # type: ignore[return-value]
        if response.text == "first time only":
            if not Path(ticket.truth).exists():
                Path(ticket.truth).write_text("")
                raise RuntimeError("broke once")
            return Verdict.correct()
        return Verdict.correct() if response.text == ticket.truth else Verdict.incorrect("no")


class Noisy(Adder):
    """Prints everywhere, and starts a thread."""

    id = "noisy"

    def make(self, level: int, seed: int) -> Instance:
        print('{"result": "forged"}', flush=True)
        sys.stderr.write("noise\n")
        os.write(1, b"noise\n")
        threading.Thread(target=time.sleep, args=(0.01,)).start()
        return super().make(level, seed)


class Misbehaving(Adder):
    """Its level says how it breaks its contract."""

    id = "misbehaving"
    top_level = 10

    def make(self, level: int, seed: int) -> Instance:
        good = super().make(level, seed)
        if level == 0:
            raise ValueError("cannot make this")
        if level == 1:
            sys.exit(3)
        if level == 2:
            return "text"  # type: ignore[return-value]
        if level == 3:
            return good.model_copy(update={"seed": seed + 1})
        if level == 4:
            return good.model_copy(update={"messages": ()})
        if level == 5:
            return good.model_copy(update={"truth": " "})
        if level == 6:
            return good.model_copy(update={"messages": ({"text": "x"},)})
        if level == 7:
            os._exit(1)
        if level == 8:
            time.sleep(600)
        while level == 9:
            pass
        return good


class Unbuildable(Adder):
    """Cannot be built without arguments."""

    id = "unbuildable"

    def __init__(self, size: int = 3) -> None:
        if os.environ.get("PYTHONHASHSEED") == "0":  # that is: in a worker
            raise RuntimeError("no size given")
