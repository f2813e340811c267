"""The guard, ``python -m starter.local.leftovers_guard RUN_DIRECTORY``: see `starter.local.leftovers.Guard`."""

import signal
import sys
from pathlib import Path

from starter.local.leftovers import stop_leftovers


def main() -> None:
    """Wait until the other end of standard input is closed, then stop what is still recorded."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    stop_leftovers(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
