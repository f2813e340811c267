"""Where a session is kept: a module without imports, because every command looks there."""

import os
from pathlib import Path


def session_file() -> Path:
    """Return the file: under XDG_CONFIG_HOME, or ~/.config."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "offramp" / "session.json"
