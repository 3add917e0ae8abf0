"""Attacks through the result of a generator, which the host reads."""

from __future__ import annotations

from tests.plugins.sandboxes.hostile import lines
from tests.plugins.sandboxes.hostile.attack import Attack

ANYHOW = ("ok", "runtime_error", "forbidden", "memory_limit", "output_limit")
FAILED = ("runtime_error",)

# Whoever loads the pickle makes a file in each folder that lets him.
PICKLES = """
import os, pickle
ACTION = '''
import os
for folder in folders:
    try: open(os.path.join(folder, name), "w").close()
    except OSError: pass
'''
class Trap:
    def __reduce__(self):
        return exec, (ACTION, {"name": self.name, "folders": self.folders})
def generate_testcase(scale):
    trap = Trap()
    trap.name, *trap.folders = scale["stdin"].split()
    for number in range(3, 1024):
        try:
            os.write(number, pickle.dumps(trap))
        except OSError:
            pass
    return trap, {}
"""


def returning(name: str, expression: str, ends: tuple[str, ...], before: str = "") -> Attack:
    """A generator that returns *expression*."""
    source = f"{before}\ndef generate_testcase(scale):\n    return {expression}\n"
    return Attack(f"returns {name}", lines.FORGING, ends, generator=source)


DISHONEST_TEXT = """
class Text(str):
    def __str__(self): return "forged"
    def __len__(self): return 1
    def __iter__(self): raise SystemExit
    def encode(self, *a): return b"forged"
    def __eq__(self, other): return True
    __hash__ = str.__hash__
"""
DISHONEST_NUMBERS = """
class Number(int):
    def __repr__(self): return '], "forged", ['
    __str__ = __format__ = __index__ = __repr__
class Real(float):
    def __repr__(self): return '], "forged", ['
    __str__ = __format__ = __repr__
"""
DISHONEST_MAPPING = """
class Mapping(dict):
    def items(self):
        for _ in range(1000): yield "x", self
    def __iter__(self): raise SystemExit
    def __len__(self): return 0
class Series(list):
    def __iter__(self):
        for _ in range(1000): yield self
    def __len__(self): return 2
"""
DEEP = """
deep = []
for _ in range(10**5): deep = [deep]
round = []
round.append(round)
"""
EVERYWHERE = """
import os
def generate_testcase(scale):
    for number in range(3, 1024):
        for content in (%s):
            try:
                os.write(number, content)
            except OSError:
                pass
    return "true", {"n": 1}
"""

ATTACKS = (
    returning("text that lies", "Text('true'), {}", ANYHOW, DISHONEST_TEXT),
    returning("numbers that lie", "'true', {'x': [Number(1), Real(1)]}", ANYHOW, DISHONEST_NUMBERS),
    returning("a mapping that lies", "'true', Mapping(x=1)", ANYHOW, DISHONEST_MAPPING),
    returning("a list that lies", "'true', Series([1])", ANYHOW, DISHONEST_MAPPING),
    returning("a pair that lies", "Series(['true', {}])", ANYHOW, DISHONEST_MAPPING),
    returning("what is not a number", "'true', {'x': float('nan')}", FAILED),
    returning("infinity", "'true', {'x': -float('inf')}", FAILED),
    returning("a number of 10^5 digits", "'true', {'x': 10 ** (10**5)}", ANYHOW),
    returning("a number of 4000 digits", "'true', {'x': 10 ** 4000}", ("ok",)),
    returning("10^5 levels", "'true', deep", ("runtime_error", "memory_limit"), DEEP),
    returning("a ring", "'true', round", FAILED, DEEP),
    returning("half a character", "'\\ud800', {'\\udfff': '\\ud800'}", ANYHOW),
    returning("bytes", "b'true', {}", FAILED),
    returning("bytes inside", "'true', {'x': b'true'}", FAILED),
    returning("itself", "generate_testcase, {}", FAILED),
    returning("a generator", "(part for part in ('true', {}))", FAILED),
    returning("three parts", "'true', {}, 'more'", FAILED),
    returning("nothing", "None", FAILED),
    returning("keys of many kinds", "'true', {1: 1, None: 2, True: 3, 1.5: 4}", ("ok", *FAILED)),
    returning("keys that are tuples", "'true', {(1, 2): 1}", FAILED),
    returning("control characters", "'a\\x00b\\n\\x1b[31m', {'\\n': '\\x00'}", ("ok",)),
    returning("an exception in the making", "'true', [1 / 0]", FAILED),
    returning(
        "an error that cannot be shown",
        "bad()",
        FAILED,
        """
class Bad(Exception):
    def __str__(self): raise Bad
    __repr__ = __str__
def bad(): raise Bad
""",
    ),
    returning(
        "an error of many megabytes",
        "bad()",
        (*FAILED, "output_limit", "memory_limit"),
        "def bad(): raise ValueError('x' * (50 << 20))",
    ),
    Attack(
        "writes a report to every descriptor",
        lines.FORGING,
        ANYHOW,
        generator=EVERYWHERE % "bytes(4096), b'\\xff' * 4096",
    ),
    Attack(
        "writes a result to every descriptor",
        lines.FORGING,
        ANYHOW,
        generator=EVERYWHERE % """b'["forged", {}]', b'["forged", {}]\\n' * 3""",
    ),
    Attack(
        "writes a pickle to every descriptor",
        lines.FORGING,
        ANYHOW,
        stdin="{new_name} {folders}",
        generator=PICKLES,
    ),
    Attack(
        "returns a bomb of zeros",
        lines.FORGING,
        ("output_limit", "runtime_error", "memory_limit"),
        generator="""
import base64, zlib
BOMB = zlib.compress(bytes(20 << 20), 9)
def generate_testcase(scale):
    return zlib.decompress(BOMB).decode(), {"bomb": base64.b64encode(BOMB).decode()}
""",
        limits={"cpu_s": 5.0},  # on a busy machine it takes most of a second
    ),
)
