"""A browser without a screen: pages as trees, forms as a person fills them in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

_VOID = {"meta", "link", "input", "br", "hr", "img"}


@dataclass
class Node:
    """An element of a page."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Node | str]" = field(default_factory=list)

    @property
    def text(self) -> str:
        """All its text, with single spaces."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())

    def all(self, tag: str | None = None, **attributes: str) -> "Iterator[Node]":
        """The elements in it, in their order, with a tag and attributes."""
        for child in self.children:
            if isinstance(child, Node):
                if tag in (None, child.tag) and all(
                    child.attributes.get(name.strip("_").replace("_", "-")) == value
                    for name, value in attributes.items()
                ):
                    yield child
                yield from child.all(tag, **attributes)

    def one(self, tag: str | None = None, **attributes: str) -> "Node":
        """The first of them."""
        return next(self.all(tag, **attributes))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Node("document")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        if tag not in _VOID:
            self._open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Node(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag in (node.tag for node in self._open[1:]):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def read(answer: httpx.Response) -> Node:
    """The page of an answer."""
    assert answer.headers["content-type"].startswith("text/html"), answer.text
    reader = _Reader()
    reader.feed(answer.text)
    return reader.root


def offered(page: Node) -> set[str]:
    """The operations that a page offers."""
    forms = page.all("form", method="post")
    return {form.attributes["action"].rpartition("/")[2] for form in forms} - {"sign-out"}


def form_key(page: Node) -> str:
    """The key of the forms of a session, as its button for signing out has it."""
    return page.one("form", action="/sign-out").one("input").attributes["value"]


def fields(page: Node, operation: str) -> dict[str, str]:
    """The fields of an action's form as they are before anybody has written into them."""
    form = page.one("form", action=f"/actions/{operation}")
    found = {one.attributes["name"]: one.attributes.get("value", "") for one in form.all("input", type="hidden")}
    for one in form.all():
        name = one.attributes.get("name", "")
        if one.tag == "select":
            options = list(one.all("option"))
            chosen = [option for option in options if "selected" in option.attributes] or options[:1]
            found[name] = chosen[0].attributes["value"]
        elif one.tag == "textarea":
            found[name] = one.text
    return found


async def sent(browser: httpx.AsyncClient, page: Node, operation: str, **given: str) -> httpx.Response:
    """Fill in the form of an action, and send it."""
    return await post(browser, operation, fields(page, operation) | given)


async def post(browser: httpx.AsyncClient, operation: str, content: Mapping[str, Any], **more: Any) -> httpx.Response:
    """Send the form of an action as a browser sends it."""
    headers = {"origin": str(browser.base_url).rstrip("/"), "sec-fetch-site": "same-origin", **more.pop("headers", {})}
    return await browser.post(f"/actions/{operation}", data=dict(content), headers=headers, **more)


def refusal(answer: httpx.Response) -> Node:
    """The refusal that a page shows."""
    return read(answer).one("div", class_="refusal")
