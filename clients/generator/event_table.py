"""The table of every event's fields in docs/messages.md."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from clients.generator.python_types import Schema, name_of
from clients.generator.webhook_schemas import DATA, kinds_of, webhook_definitions
from domain.cases import CaseKind
from domain.vocabulary import Event

BEGIN, END = "<!-- fields: written by make schemas -->", "<!-- end of fields -->"
ONLY_IN: Mapping[str, tuple[str, ...]] = {
    "invoice": ("credit_memo.requested",),
    "credit_from": ("credit_memo.requested",),
    "billing_open_since": ("credit_memo.reminder", "credit_memo.escalated"),
    "queue": ("credit_memo.reminder", "credit_memo.escalated"),
    "ends_with_subscription_on": ("line_cancellation.reversed", "line_cancellation.withdrawn"),
    "export": ("export.",),
    "erasure": ("data.erased",),
    "migration": ("migration.",),
}
"""The events, by the beginning of their names, that alone have a member, where not all of a kind of case may have it."""
_KINDS = {
    CaseKind.SUBSCRIPTION: "subscriptions",
    CaseKind.SUBSCRIPTION_LINE: "lines",
    CaseKind.MARKETING_SERVICE: "marketing services",
}


def with_table(document: str) -> str:
    """Return the text of docs/messages.md with the table as it is now. Raises ValueError where its place is missing."""
    begin = document.index(BEGIN)
    end = document.index(END, begin)
    return f"{document[:begin]}{BEGIN}\n{table()}{document[end:]}"


def table() -> str:
    """Return the table."""
    rows = [
        ("`type`", "text", "every", "the event"),
        ("`timestamp`", "instant", "every", "the instant at which the message was written"),
        ("`audit_head`", "text, if known", "every", "the head of the audit trail"),
        *_rows(webhook_definitions()),
    ]
    head = "| member | type | in | meaning |\n|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _rows(definitions: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    found: dict[tuple[str, str], list[CaseKind | None]] = {}
    meanings: dict[tuple[str, str], str] = {}
    for kind, (name, _) in DATA.items():
        for field, schema, required in _flattened(definitions, name, "data."):
            member = field, _type(schema) + ("" if required else ", if known")
            found.setdefault(member, []).append(kind)
            meanings[member] = meanings.get(member) or _one_line(schema.get("description", ""))
    for (field, kind_of_value), kinds in found.items():
        yield f"`{field}`", kind_of_value, _in(field.removeprefix("data."), kinds), meanings[field, kind_of_value]


def _one_line(text: str) -> str:
    """Return a description as a cell of the table: its first sentence begins small, and has no full stop."""
    text = text.replace("|", "\\|").removesuffix(".")
    return text[:1].lower() + text[1:]


def _flattened(definitions: Mapping[str, Any], name: str, prefix: str) -> Iterator[tuple[str, Schema, bool]]:
    schema = definitions[name]
    for field, held in schema["properties"].items():
        yield f"{prefix}{field}", held, field in schema.get("required", ())
        items = held.get("items", held)
        inner = name_of(items.get("$ref", ""))
        if "properties" in definitions.get(inner, {}):
            yield from _flattened(definitions, inner, f"{prefix}{field}{'[]' if 'items' in held else ''}.")


def _in(path: str, kinds: list[CaseKind | None]) -> str:
    """Return the messages that may have a member, in words."""
    if kinds == [None]:
        return "`line.closed`, `line.term_rolled`"
    head = path.partition(".")[0].removesuffix("[]")
    if head in ONLY_IN:
        return ", ".join(f"`{name}`" if not name.endswith(".") else f"`{name}*`" for name in ONLY_IN[head])
    of_cases = [kind for kind in kinds if kind is not None]
    if len(of_cases) == len(_KINDS):
        return "every case"
    return "cases of " + " and ".join(_KINDS[kind] for kind in of_cases)


def may_have(event: Event, field: str) -> bool:
    """Return true if messages of an event may have a member of the facts, by the table."""
    return field in _members(event) and (field not in ONLY_IN or event.startswith(ONLY_IN[field]))


@cache
def _members(event: Event) -> frozenset[str]:
    definitions = webhook_definitions()
    return frozenset(name for kind in kinds_of(event) for name in definitions[DATA[kind][0]]["properties"])


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return f"`{name}`"
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    match schema.get("type"):
        case "array":
            return f"list of {_type(schema['items'])}" if schema.get("items") else "list"
        case "string":
            return {"date": "day", "date-time": "instant"}.get(schema.get("format", ""), "text")
        case "integer" | "number":
            return "number"
        case "boolean":
            return "true or false"
        case "null":
            return "null"
    return "object"
