"""The refusal of messages with characters that nobody sees (`domain.clean_text`).

It is no part of their types: histories of before may hold such characters, and are replayed.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from contract.common import Message
from domain.cancellation.lifecycle import InputMalformed
from domain.clean_text import why_unclean

_ONE_LINE = frozenset(
    {"actor", "request_id", "contact", "subscription", "organization", "administrator", "source", "document"}
)
"""The fields that are names; what else people write may have several lines."""


def unclean_fields(message: Message) -> list[str]:
    """Return the problems of a message by path; none where it is clean."""
    return _problems(_texts(message.model_dump(mode="json")))


def refuse_unclean(message: Message) -> None:
    """Raise InputMalformed where a message has such a character."""
    if problems := unclean_fields(message):
        raise InputMalformed(problems)


def refuse_unclean_words(**words: str | None) -> None:
    """Raise InputMalformed where a word that a caller passed has such a character: an actor, a reason, a name."""
    if problems := _problems((name, name, text) for name, text in words.items() if text):
        raise InputMalformed(problems)


def _problems(texts: Iterable[tuple[str, str, str]]) -> list[str]:
    """Return the problems of texts, each given with its path and the name of its field."""
    return [
        f"{path}: it has {why}"
        for path, name, text in texts
        if (why := why_unclean(text, lines=name not in _ONE_LINE)) is not None
    ]


def _texts(value: Any, path: str = "", name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(value, str):
        yield path, name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            inner = f"{path}.{key}" if path else str(key)
            yield inner, "", str(key)
            yield from _texts(item, inner, str(key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{path}.{number}", name)
