"""Where generated files are, and how they are written."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "clients" / "python" / "offramp_client" / "generated"
MESSAGES = ROOT / "docs" / "messages.md"
SCHEMAS = ROOT / "docs" / "schemas"


def as_json(value: Any) -> str:
    """Return a document as JSON that people can compare."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def as_yaml(value: Any) -> str:
    """Return a document as YAML without references of its own."""
    written: str = yaml.safe_dump(json.loads(json.dumps(value)), sort_keys=False, allow_unicode=True, width=130)
    return written


def formatted(source: str) -> str:
    """Return Python as `make format` would leave it."""
    format_ = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(CLIENT / "x.py"), "-"]
    return subprocess.run(format_, input=source, capture_output=True, text=True, check=True).stdout  # noqa: S603 - our own tool
