"""Code spans and console blocks of the documents."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
PRESENT = [document for document in DOCUMENTS if document.name != "CHANGELOG.md"]
"""The documents that describe the code as it is; a changelog describes what it was."""


@dataclass(frozen=True)
class Span:
    """A piece of code in a document."""

    document: str
    text: str

    def __str__(self) -> str:
        """Where it is, and what it says."""
        return f"{self.document}: {self.text}"


def spans(*documents: Path) -> Iterator[Span]:
    """Everything in single backticks, outside of fenced blocks."""
    for document in documents or PRESENT:
        prose = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for text in re.findall(r"`([^`]+)`", prose):
            yield Span(document.relative_to(ROOT).as_posix(), " ".join(text.split()))


def console_lines() -> Iterator[Span]:
    """Every line after a prompt in a console block, continuations joined, without its comment."""
    for document in PRESENT:
        for block in re.findall(
            r"^```console\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
        ):
            for line in re.findall(r"^\$ (.+)$", block.replace("\\\n", " "), re.MULTILINE):
                yield Span(document.relative_to(ROOT).as_posix(), line.partition(" #")[0].strip())
