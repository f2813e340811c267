"""The live parts of a page: sections that a browser replaces when they have changed, and the others not."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence

from markupsafe import Markup

HAVE = "offramp-parts"
"""The header in which a browser says which parts it has: each id with its digest, between spaces."""
MOST_PARTS = 50

_SECTION = Markup('<section id="{0}" class="{1}"{2} data-live="{3}" data-digest="{4}">{5}{6}</section>')
_BLOCK = Markup('<div id="{0}" class="{1}"{2} data-live="{3}" data-digest="{4}">{5}{6}</div>')
_OF_ONE_LOOK = re.compile(r'(name="_key" value=")[^"]*')
"""What is another in each look at the same: the key of a form."""


class Parts:
    """Collects the live parts of one page while it is rendered; a template calls it around each."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, Markup]] = {}

    def __call__(
        self,
        name: str,
        *,
        title: str = "",
        css: str = "card",
        is_form: bool = False,
        caller: Callable[[], str],
    ) -> Markup:
        """Return a part with what it contains: a section, if it has a title; ``is_form`` is for one that people write into."""
        content = caller()
        digest = hashlib.sha256(_OF_ONE_LOOK.sub(r"\1", str(content)).encode()).hexdigest()[:16]
        head = Markup('\n<h2 id="{0}-title">{1}</h2>').format(name, title) if title else Markup("")
        labelled = Markup(' aria-labelledby="{}-title"').format(name) if title else ""
        kind = "form" if is_form else "part"
        part = (_SECTION if title else _BLOCK).format(name, css, labelled, kind, digest, head, content)
        self._found[name] = digest, part
        return part

    def changes(self, had: Mapping[str, str]) -> Sequence[Markup]:
        """Return the parts that differ from those that a browser has, by their digests."""
        return [part for name, (digest, part) in self._found.items() if had.get(name) != digest]

    @property
    def names(self) -> Sequence[str]:
        """The parts that there are, in their order."""
        return list(self._found)


def parts_had(header: str | None) -> Mapping[str, str] | None:
    """Return the parts that a browser says it has, by their ids; None for one that asks for the whole page."""
    if header is None:
        return None
    return dict(one.split("=", 1) for one in header.split()[:MOST_PARTS] if "=" in one)
