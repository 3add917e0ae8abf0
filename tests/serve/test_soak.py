"""A short soak: clients and the server are killed, and no record is lost or doubled."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[2] / "benchmarks/feed_soak.py"


def test_kills_of_clients_and_of_the_server_lose_and_double_no_record() -> None:
    """Processes of their own, because only these can be killed."""
    options = ["--seconds", "12", "--clients", "3", "--prompts", "8", "--pause", "0.2"]
    ended = subprocess.run(
        [sys.executable, str(SOAK), *options], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(ended.stdout)["acknowledged"] > 0
