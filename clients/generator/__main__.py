"""``python -m clients.generator client`` or ``documents``: writes the generated files that are not what they are to be."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from clients.generator.client import client_files
from clients.generator.documents import document_files
from clients.generator.places import ROOT, SCHEMAS

KINDS: Mapping[str, Callable[[], Mapping[Path, str]]] = {"client": client_files, "documents": document_files}


def main(kind: str) -> None:
    """Write the files of one kind, and remove the documents of messages that there are no more."""
    files = KINDS[kind]()
    if kind == "documents":
        for old in {file for file in SCHEMAS.rglob("*") if file.is_file()} - files.keys():
            old.unlink()
    for file, text in files.items():
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            print(file.relative_to(ROOT))  # noqa: T201 - what has changed is all that it says


if __name__ == "__main__":
    main(*sys.argv[1:])
