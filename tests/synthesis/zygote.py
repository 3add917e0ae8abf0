"""Runs ``scaler`` again and again in children that are killed: loads everything once, then forks.

Reads a line of JSON for each child, ``{"arguments": [...], "kill_after_s": 0.2, "kill_when": null,
"signal": 9}``, and answers with one: its exit code, negative for the signal that ended it. A file
whose path is ``kill_when`` kills it as soon as it is there.
"""

from __future__ import annotations

import json
import os
import sys
import time

import openai  # slow to load, as is what follows
import openai.resources.chat  # noqa: F401

from scaler_core.cli import main
from scaler_core.synthesis import run  # noqa: F401


def child(arguments: list[str]) -> None:
    """Be ``scaler`` with these arguments."""
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    try:
        main(arguments)
    except SystemExit as ended:
        os._exit(int(ended.code or 0))
    os._exit(0)


for line in sys.stdin:
    asked = json.loads(line)
    process = os.fork()
    if not process:
        child(asked["arguments"])
    deadline = time.monotonic() + (asked["kill_after_s"] or 3600.0)
    sign = asked["kill_when"]
    status = None
    while status is None:
        ended, code = os.waitpid(process, os.WNOHANG)
        if ended:
            status = code
        elif time.monotonic() >= deadline or (sign and os.path.exists(sign)):
            os.kill(process, asked["signal"])
            deadline, sign = float("inf"), None
        else:
            time.sleep(0.002)
    print(os.waitstatus_to_exitcode(status), flush=True)
