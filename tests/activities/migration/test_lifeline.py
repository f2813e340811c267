"""The lifeline of a program: what it may take of the machine that it shares with the worker."""

import subprocess
import sys

from activities.migration.pg_dump import LIFELINE

TAKES = "import sys; x = bytearray(int(sys.argv[1])); print(len(x))"


def taking(megabytes: int) -> tuple[int, str, str]:
    """Run a program that wants memory; its status, output and complaint. While it runs, the lifeline is held."""
    with subprocess.Popen(
        [sys.executable, "-I", str(LIFELINE), sys.executable, "-c", TAKES, str(megabytes << 20)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        said, complained = program.stdout.read(), program.stderr.read()
        return program.wait(), said, complained


def test_a_program_has_memory_for_a_dump_and_not_for_definitions_without_end() -> None:
    """pg_dump keeps every function body of a schema, and an organization may define as many as it likes."""
    assert taking(512) == (0, f"{512 << 20}\n", "")
    status, _, complaint = taking(2048)
    assert status != 0
    assert "MemoryError" in complaint
