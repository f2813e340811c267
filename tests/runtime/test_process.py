"""What a process may take of its machine."""

import subprocess
import sys
import textwrap

import pytest


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is one of Linux")
def test_a_process_has_as_many_open_files_as_it_is_let() -> None:
    """Whoever opens a thousand connections keeps it from nothing."""
    program = textwrap.dedent(
        """
        import resource
        from runtime.process import allow_open_files

        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 2048))
        print(allow_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
        print(allow_open_files())
        """
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["2048", "2048", "2048", "2048"]
