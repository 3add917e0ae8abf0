"""The compiler with the machine's own g++: what it must take, and what must not harm us."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from scaler_core.sandbox.compiler import Compiled, Compiler, has_interpreter
from tests.sandbox.compilers import GuardedTools, failure, program
from tests.sandbox.machines import require_compiler

HELLO = "#include <bits/stdc++.h>\nint main() { std::cout << 42; }\n"
# What every fork server is: no library, one entry point, and on to the program's own start.
STAND_IN = (
    '__asm__(".globl scaler_entry\\nscaler_entry:\\n    xor %ebx, %ebx\\n    jmp _start\\n");'
)


@pytest.fixture(scope="module")
def tools() -> Iterator[GuardedTools]:
    require_compiler()
    tools = GuardedTools()
    yield tools
    tools.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiling")
    (folder / "serve.c").write_text(STAND_IN)
    return folder


@pytest.fixture(scope="module")
def compiler(tools: GuardedTools, folder: Path) -> Compiler:
    return Compiler(tools, folder / "cache", fork_server=folder / "serve.c")


def output_of(path: Path) -> str:
    return subprocess.run([path], capture_output=True, text=True, check=True, timeout=60).stdout


def test_a_program_starts_in_the_fork_server_that_it_carries(compiler: Compiler) -> None:
    result = compiler.compile(HELLO)
    assert isinstance(result, Compiled)
    if not result.warm:
        pytest.skip("programs cannot be linked statically, or this is no x86-64 Linux")
    assert output_of(result.path) == "42"
    with result.path.open("rb") as stream:
        assert not has_interpreter(stream.fileno())


def test_the_standard_header_is_read_precompiled(
    compiler: Compiler, tools: GuardedTools, folder: Path
) -> None:
    tools.commands.clear()
    program(compiler.compile(f"// another\n{HELLO}"))
    words = tools.commands[-1]
    headers = [Path(word[2:]) for word in words if word.startswith("-I")]
    assert [path.is_dir() for path in headers] == [True]
    listed = subprocess.run(
        [*words[: words.index("-x")], "-H", "-fsyntax-only", "-x", "c++", "-"],
        input=HELLO,
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert re.search(r"^! .*bits/stdc\+\+\.h\.gch$", listed, re.MULTILINE)


def test_a_source_without_the_standard_header_does_without_it(
    compiler: Compiler, tools: GuardedTools
) -> None:
    tools.commands.clear()
    program(compiler.compile('#include <cstdio>\nint main() { puts("1"); }'))
    assert not [word for word in tools.commands[-1] if word.startswith("-I")]


@pytest.mark.parametrize(
    "source",
    [
        pytest.param('#pragma GCC optimize("O3")\n' + HELLO, id="options before the header"),
        pytest.param("#define N 42\n#include <cstdio>\n" + HELLO.replace("42", "N"), id="headers"),
        pytest.param('#include "bits/stdc++.h"\nint main() { std::cout << 42; }', id="quotes"),
        pytest.param(
            "#include <bits/stdc++.h>\nusing namespace std;\nint main() {\n#ifndef ONLINE_JUDGE\n"
            'freopen("in.txt", "r", stdin);\nabort();\n#endif\ncout << 42; }',
            id="redirection to a file",
        ),
        pytest.param(
            "#include <bits/stdc++.h>\n#include <thread>\nint main() { int n = 0; "
            "std::thread t([&] { n = 42; }); t.join(); std::cout << n; }",
            id="threads",
        ),
    ],
)
def test_whatever_stands_before_the_header_a_program_means_the_same(
    compiler: Compiler, source: str
) -> None:
    assert output_of(program(compiler.compile(source))) == "42"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("int data[3];\nint main() { return data[0]; }", id="14"),
        pytest.param(
            "int array[3];\nint main() { return array[0]; }", id="98", marks=pytest.mark.thorough
        ),
        pytest.param(
            "int main() { map<int, int> m; return m.contains(3); }",
            id="20",
            marks=pytest.mark.thorough,
        ),
    ],
)
def test_a_source_of_another_dialect_compiles(compiler: Compiler, source: str) -> None:
    whole = f"#include <bits/stdc++.h>\nusing namespace std;\n{source}\n"
    assert output_of(program(compiler.compile(whole))) == ""


def test_a_fork_server_that_calls_a_library_is_left_out(tools: GuardedTools, folder: Path) -> None:
    server = folder / "calls.c"
    server.write_text(f"void abort(void);\nvoid f(void) {{ abort(); }}\n{STAND_IN}")
    result = Compiler(tools, folder / "cache", fork_server=server).compile(HELLO)
    assert isinstance(result, Compiled)
    assert not result.warm
    assert output_of(result.path) == "42"


def test_a_program_that_names_a_loader_never_counts_as_warm(compiler: Compiler) -> None:
    """The kernel would start the loader first, before the fork server sets a limit."""
    source = 'asm(".pushsection .interp,\\"a\\"\\n.asciz \\"/lib64/ld-linux-x86-64.so.2\\"\\n"'
    result = compiler.compile(f'{source}".popsection"); int main() {{}}')
    assert not (isinstance(result, Compiled) and result.warm)


def test_a_message_says_what_is_wrong_and_nothing_of_the_machine(
    compiler: Compiler, folder: Path
) -> None:
    undeclared = failure(compiler.compile("int main() { return foo(); }"))
    assert "<stdin>:1:21: error: 'foo' was not declared" in undeclared.error
    undefined = failure(compiler.compile("int foo(); int main() { return foo(); }"))
    assert "undefined reference to `foo()'" in undefined.error
    for result in (undeclared, undefined):
        assert result.status == "compile_error"
        assert str(folder) not in result.error
        assert not re.search(r"cc\w{6}\.o", result.error)


BOMBS = {
    "endless templates": "template<int N> struct A { static const int v = A<N + 1>::v; };\n"
    "int main() { return A<0>::v; }",
    "a device as header": '#include "/dev/zero"\nint main() {}',
    "stdin as header": '#include "/dev/stdin"\nint main() {}',
    "a terminal as header": '#include "/dev/tty"\nint main() {}',
    "itself as header": '#include "/proc/self/fd/0"\nint main() {}',
    "a device as data": 'asm(".incbin \\"/dev/zero\\""); int main() {}',
    "a large array": "int a[1 << 28] = {1}; int main() { return a[5]; }",
    "an array larger than the address space": "char a[1LL << 40]; int main() { return a[5]; }",
    "repeated data": 'asm(".rept 1000000000\\n.quad 1\\n.endr"); int main() {}',
    "a macro explosion": "#define A(x) x x x x x x x x x x x x x x x x\n"
    "#define B(x) A(A(A(A(A(A(A(x)))))))\nint main() { B(B(;)) }",
    "a long name in the message": f"int main() {{ return {'x' * 3_000_000}; }}",
    "many errors": "int main() {" + "x;" * 100_000 + "}",
}


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS.keys())
def test_a_compiler_bomb_is_an_error_of_the_source(
    compiler: Compiler, tools: GuardedTools, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what fills the memory, fills less of it sooner
    monkeypatch.setattr(tools, "most_memory", 512 << 20)
    result = failure(compiler.compile(source))
    assert result.status == "compile_error"
    assert len(result.error) <= 4000
    assert compiler.compile(source) == result


@pytest.mark.parametrize(
    "source",
    [
        '#include "/etc/shadow"\nint main() {}',
        'asm(".incbin \\"/etc/shadow\\""); int main() {}',
    ],
)
def test_a_source_cannot_show_files_of_the_machine(compiler: Compiler, source: str) -> None:
    result = failure(compiler.compile(source))
    assert "root:" not in result.error
