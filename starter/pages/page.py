"""A page: the text that a person reads, and the few actions it offers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.words import size_in_words


@dataclass(frozen=True)
class Button:
    """Something a person can do. Only a button changes anything: programs that scan mails follow links."""

    action: str
    """The last part of the URL to which it posts."""
    label: str
    careful: bool = False
    """True if it cannot be undone."""


@dataclass(frozen=True)
class File:
    """A file to fetch; ``path`` follows the page's URL."""

    name: str
    bytes: int
    path: str


@dataclass(frozen=True)
class Page:
    """One page, from top to bottom."""

    title: str
    sentences: Sequence[str] = ()
    facts: Sequence[tuple[str, str]] = ()
    files: Sequence[File] = ()
    buttons: Sequence[Button] = ()
    done: str = ""
    """The thing that was just done, or is already done."""
    status: int = 200
    small_print: Sequence[str] = field(default_factory=tuple)


def rendered(page: Page, here: str) -> str:
    """Return the page as HTML; ``here`` is the path of its link, to which files and buttons are relative."""
    return _TEMPLATES.get_template("page.html.j2").render(page=page, here=here)


_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["size"] = size_in_words
