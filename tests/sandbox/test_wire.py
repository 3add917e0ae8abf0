"""Requests survive the way to the guard."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scaler_core.sandbox.guard import wire


@given(
    program=st.binary(max_size=50),
    environment=st.binary(max_size=20),
    filter=st.binary(max_size=20),
    inputs=st.lists(st.binary(max_size=50), max_size=5),
    memory=st.integers(0, 2**64 - 1),
    cpu_s=st.floats(0, 1e6),
)
def test_a_decoded_request_is_the_one_that_was_encoded(
    program: bytes,
    environment: bytes,
    filter: bytes,
    inputs: list[bytes],
    memory: int,
    cpu_s: float,
) -> None:
    request = wire.Request(
        kind=wire.COMMAND,
        host=1,
        ruleset=-1,
        cpu_s=cpu_s,
        wall_s=2.0,
        memory_bytes=memory,
        output_bytes=3,
        file_bytes=4,
        processes=5,
        open_files=6,
        program_file=7,
        program=program,
        environment=environment,
        filter=filter,
        inputs=inputs,
    )
    assert vars(wire.decode(request.encode())) == vars(request)
