"""What this thread parses while somebody asks a server in it: the loop that all requests share is to parse nothing large."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import parse_qsl

from domain.bulk.reading import read_file
from domain.imports.json_text import parse_json
from records.bulk.plans import rows_of_file
from records.direct_requests import digest_of_content

_PARSERS = {
    parser.__code__: parser.__name__
    for parser in (json.loads, parse_json, read_file, rows_of_file, parse_qsl, digest_of_content)
}


@contextmanager
def parsed_here(larger: int) -> Iterator[list[str]]:
    """Give the names of the parsers that this thread calls in the block with something larger than that."""
    found: list[str] = []

    def look(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code in _PARSERS:
            given = frame.f_locals[frame.f_code.co_varnames[0]]
            if len(given) > larger:
                found.append(_PARSERS[frame.f_code])

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)
