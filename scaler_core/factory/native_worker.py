"""The process that runs native environments: JSON lines in, JSON lines out, until the pipe closes.

Started by :mod:`scaler_core.factory.native_process` with the descriptors of its two pipes. An
environment's prints go to stdout, which is no pipe of ours, so they cannot disturb the answers.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import queue
import resource
import sys
import threading
import time
from typing import Any

from scaler_core.interfaces import NativeEnvironment
from scaler_core.models import Instance, Response, Ticket, Verdict


def main(requests: int, answers: int) -> None:
    """Answer each line of the descriptor *requests* with one line on *answers*."""
    # a program that an environment starts must not keep the pipes open beyond the worker's death
    for pipe in (requests, answers):
        os.set_inheritable(pipe, False)
    # read in a thread, which notices the host's end even while an environment computes
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, lines), daemon=True).start()
    environments: dict[str, NativeEnvironment] = {}
    with open(answers, "w", encoding="utf-8") as output:
        while True:
            request = json.loads(lines.get())
            began = time.process_time()
            try:
                answer = {"result": _answer(request, environments)}
            except BaseException as error:  # SystemExit too: the worker outlives its environments
                answer = {"error": f"{type(error).__name__}: {error}"}
            answer["cpu_s"] = time.process_time() - began
            output.write(json.dumps(answer) + "\n")
            output.flush()


def _read(requests: int, lines: queue.SimpleQueue[str]) -> None:
    """Queue the host's lines; exit at once when it closes the pipe or ends, whatever runs."""
    with open(requests, encoding="utf-8") as stream:
        for line in stream:
            lines.put(line)
    os._exit(0)


def _answer(request: dict[str, Any], environments: dict[str, NativeEnvironment]) -> Any:
    name = request["environment"]
    if request["call"] == "load":
        sys.path[:] = request["path"]
        environments[name] = load_class(name)()
        return None
    environment = environments[name]
    limit_cpu(request["cpu_s"])
    try:
        if request["call"] == "make":
            made: object = environment.make(request["level"], request["seed"])
            expected: type[Instance] | type[Verdict] = Instance
        else:
            response = Response.model_validate(request["response"])
            made = environment.score(response, Ticket.model_validate(request["ticket"]))
            expected = Verdict
        if not isinstance(made, expected):
            raise TypeError(
                f"{request['call']}() returned {type(made).__name__}, not {expected.__name__}"
            )
        return made.model_dump(mode="json")
    finally:
        limit_cpu(math.inf)


def load_class(reference: str) -> type[NativeEnvironment]:
    """The class that ``module:qualname`` names."""
    module, _, qualname = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part)
    if not isinstance(found, type) or not issubclass(found, NativeEnvironment):
        raise TypeError(f"{reference} is not a NativeEnvironment")
    return found


def limit_cpu(seconds: float) -> None:
    """Let the kernel end this process after *seconds* more of CPU time, in whole seconds."""
    # the soft limit alone: one that was lowered hard could not be raised for the next call
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    usage = resource.getrusage(resource.RUSAGE_SELF)
    if math.isinf(seconds):
        soft = hard
    else:
        soft = math.ceil(usage.ru_utime + usage.ru_stime + seconds)
        soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
