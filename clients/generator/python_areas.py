"""The operations of the Python client by area, from the OpenAPI document: once for callers that wait, once for those that await."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from clients.generator.area_titles import TITLES
from clients.generator.python_types import Schema, is_enum, name_of, type_of, type_of_argument
from domain.permissions import Operation

KEY, VERSION_HEADER, LAST_EVENT = "Idempotency-Key", "if-match", "last-event-id"
_MODELS = "models."
_STREAMED = "text/event-stream"
_PAGES = {
    Operation.LIST_CANCELLATIONS: ("CaseSummary", "page.cancellations", "page.next"),
    Operation.LIST_LINES: ("ListedLine", "page", "page[-1].id if len(page) == limit else None"),
}
"""Of each list with a cursor: what is in it, where a page has it, and the cursor of the next page."""


@dataclass(frozen=True)
class _Argument:
    """One argument of a method."""

    name: str
    annotation: str
    place: str
    """Where it goes: path, query, header or body."""
    sent_as: str
    default: str | None = None
    meaning: str = ""

    @property
    def is_optional(self) -> bool:
        return self.default is not None

    @property
    def written(self) -> str:
        return f"{self.name}: {self.annotation}" + (f" = {self.default}" if self.is_optional else "")


@dataclass
class Described:
    """One operation, as the document describes it."""

    operation: Operation
    method: str
    path: str
    description: str
    answer: str
    statuses: tuple[int, ...]
    arguments: list[_Argument] = field(default_factory=list)
    media_type: str = "application/json"
    has_key: bool = False
    takes_document: bool = False

    @property
    def area(self) -> str:
        """The area of the facade that has it."""
        return self.operation.value.partition(".")[0]

    @property
    def name(self) -> str:
        """The name of its method."""
        return self.operation.value.partition(".")[2]


def described(document: Schema) -> Iterator[Described]:
    """Return the operations of an OpenAPI document."""
    by_id = {operation.value.replace(".", "_"): operation for operation in Operation}
    schemas = document["components"]["schemas"]
    enums = frozenset(name for name, schema in schemas.items() if is_enum(schema))
    for path, methods in document["paths"].items():
        for method, found in methods.items():
            success = {status: answer for status, answer in found["responses"].items() if status < "3"}
            [media_type] = {name for answer in success.values() for name in answer["content"]}
            [answer] = {
                type_of(answer["content"][media_type].get("schema", {}), _MODELS) for answer in success.values()
            }
            operation = Described(
                by_id[found["operationId"]],
                method.upper(),
                path,
                found["description"],
                answer,
                tuple(sorted(int(status) for status in found["responses"])),
                media_type=media_type,
            )
            for parameter in found.get("parameters", ()):
                _add_parameter(operation, parameter, enums)
            _add_body(operation, found.get("requestBody"), schemas, enums)
            yield operation


def _add_parameter(operation: Described, parameter: Schema, enums: frozenset[str]) -> None:
    name, schema = parameter["name"], parameter["schema"]
    if name == KEY:
        operation.has_key = True
        return
    meaning = parameter.get("description") or schema.get("description") or ""
    if name == VERSION_HEADER:
        meaning = "the `version` of the status that it is decided upon; of another one it is refused"
        argument = _Argument("expects", "str | None", "header", name, "None", meaning)
    elif name == "number":
        argument = _Argument(name, "int | str", "path", name, '"newest"', meaning)
    else:
        annotation = type_of_argument(schema, enums, _MODELS)
        default = None if parameter.get("required") else repr(schema.get("default"))
        if default == "None" and not annotation.endswith("None"):
            annotation += " | None"
        argument = _Argument(name.replace("-", "_"), annotation, parameter["in"], name, default, meaning)
    operation.arguments.append(argument)


def _add_body(operation: Described, body: Schema | None, schemas: Mapping[str, Schema], enums: frozenset[str]) -> None:
    if body is None:
        return
    schema = body["content"]["application/json"]["schema"]
    if "$ref" not in schema:
        operation.takes_document = True
        operation.arguments.append(_Argument("document", "bytes", "content", "", None, body["description"]))
        return
    form = schemas[name_of(schema["$ref"])]
    for name, held in form.get("properties", {}).items():
        required = name in form.get("required", ())
        annotation = type_of_argument(held, enums, _MODELS)
        default = None if required else "False" if held.get("default") is False else "None"
        if default == "None" and not annotation.endswith("None"):
            annotation += " | None"
        operation.arguments.append(_Argument(name, annotation, "body", name, default, held.get("description", "")))


def areas_module(document: Schema, *, is_async: bool) -> str:
    """Return the source of the module with the areas of one of the two clients."""
    by_area: dict[str, list[Described]] = {}
    for operation in described(document):
        by_area.setdefault(operation.area, []).append(operation)
    client, iterator = ("AsyncClient", "AsyncIterator") if is_async else ("Client", "Iterator")
    module = "async_client" if is_async else "client"
    lines = [
        f'"""The operations of `{client}` by area. Written by `make client`; not to be edited."""',
        "",
        f"from collections.abc import {iterator}, Mapping, Sequence",
        "from datetime import date, datetime",
        "from typing import TYPE_CHECKING",
        "",
        "from offramp_client.calls import Call, new_request_id, path",
        "from offramp_client.events import StreamEvent",
        "from offramp_client.generated import models",
        "",
        "if TYPE_CHECKING:",
        f"    from offramp_client.{module} import {client}",
        "",
    ]
    for area, operations in by_area.items():
        lines += ["", f"class {_class_name(area)}:", f'    """{TITLES[area]}"""', ""]
        lines += [f'    def __init__(self, client: "{client}") -> None:', "        self._client = client", ""]
        for operation in operations:
            lines += [textwrap.indent(text, "    ") for text in _method(operation, is_async=is_async)]
    lines += ["", "class Areas:", '    """Every area, as an attribute of a client."""', ""]
    lines += [f'    def __init__(self, client: "{client}") -> None:']
    lines += [f"        self.{area} = {_class_name(area)}(client)" for area in by_area]
    return "\n".join(lines) + "\n"


def _class_name(area: str) -> str:
    return "".join(part.title() for part in area.split("_"))


def _method(operation: Described, *, is_async: bool) -> Iterator[str]:
    if operation.media_type == _STREAMED:
        yield from _stream(operation, is_async=is_async)
        return
    arguments = operation.arguments + (
        [_Argument("request_id", "str | None", "key", "", "None")] if operation.has_key else []
    )
    prefix, wait = ("async ", "await ") if is_async else ("", "")
    yield f"{prefix}def {operation.name}({_signature(arguments)}) -> {operation.answer}:"
    yield textwrap.indent(_docstring(operation, arguments), "    ")
    yield f"    return {wait}self._client.call({_call(operation)})"
    yield ""
    if operation.operation in _PAGES:
        yield from _each(operation, is_async=is_async)


def _each(operation: Described, *, is_async: bool) -> Iterator[str]:
    """The items of all pages."""
    item, items, cursor = _PAGES[operation.operation]
    arguments = [each for each in operation.arguments if each.name not in ("after", "counted")]
    prefix, wait, iterator = ("async ", "await ", "AsyncIterator") if is_async else ("", "", "Iterator")
    yield f"{prefix}def each({_signature(arguments)}) -> {iterator}[{_MODELS}{item}]:"
    yield textwrap.indent(
        _docstring(operation, arguments, "Return all that `list` has, page after page as they are asked for."), "    "
    )
    yield "    after: str | None = None"
    yield "    while True:"
    given = ", ".join(f"{each.name}={each.name}" for each in arguments)
    after = 'after=after or ""' if item == "ListedLine" else "after=after"
    yield f"        page = {wait}self.list({given}, {after})"
    if is_async:
        yield f"        for item in {items}:\n            yield item"
    else:
        yield f"        yield from {items}"
    yield f"        after = {cursor}"
    yield "        if after is None:"
    yield "            return"
    yield ""


def _stream(operation: Described, *, is_async: bool) -> Iterator[str]:
    iterator = "AsyncIterator" if is_async else "Iterator"
    yield f"def {operation.name}({_signature(operation.arguments)}) -> {iterator}[StreamEvent]:"
    more = " It goes on by itself where it broke off. An event comes at least once."
    yield textwrap.indent(_docstring(operation, operation.arguments, operation.description + more), "    ")
    yield f"    return self._client.follow({_call(operation)}, after=last_event_id)"
    yield ""


def _signature(arguments: list[_Argument]) -> str:
    in_path = [each for each in arguments if each.place in ("path", "content")]
    in_path.sort(key=lambda each: each.is_optional)
    named = [each for each in arguments if each not in in_path]
    named.sort(key=lambda each: each.is_optional)
    parts = ["self", *(each.written for each in in_path)]
    return ", ".join([*parts, "*", *(each.written for each in named)] if named else parts)


def _docstring(operation: Described, arguments: list[_Argument], description: str = "") -> str:
    lines = [*textwrap.wrap(description or operation.description, 108)]
    told = [each for each in arguments if each.meaning]
    if operation.has_key:
        told.append(_Argument("request_id", "", "", "", meaning="names this request; made here, if not given"))
    if told:
        lines += ["", "Args:"]
        for each in told:
            meaning = " ".join(each.meaning.split())
            meaning = meaning[:1].lower() + meaning[1:] if not re.match(r"[A-Z]{2}", meaning) else meaning
            lines += textwrap.wrap(f"{each.name}: {meaning}", 106, initial_indent="    ", subsequent_indent="        ")
    lines += ["", "Raises:"]
    refused = ", ".join(str(status) for status in operation.statuses if status >= 400)
    lines += [f"    Refused: with status {refused}."]
    lines += ["    Unreachable: no answer in time."]
    text = "\n".join(lines)
    return f'"""{text}\n"""'.replace('"""', 'r"""', 1) if "\\" in text else f'"""{text}\n"""'


def _call(operation: Described) -> str:
    """Return the expression of the call."""
    in_path = {each.sent_as: each.name for each in operation.arguments if each.place == "path"}
    template = re.sub(r"\{(\w+)(?::path)?\}", lambda found: f"{{{found[1]}}}", operation.path)
    given = "".join(f", {name}={value}" for name, value in in_path.items())
    where = f'path("{template}"{given})' if in_path else f'"{template}"'
    parts = [f'"{operation.method}"', where]
    if operation.media_type != _STREAMED:
        parts.append(f"answer={operation.answer}")
    parts += [_sent_in(place, operation) for place in ("query", "body") if _placed(place, operation)]
    empty = [each.sent_as for each in operation.arguments if each.place == "body" and _may_be_null(each)]
    if empty:
        parts.append(f"null={empty!r}")
    if operation.takes_document:
        parts.append("content=document")
    if any(each.name == "expects" for each in operation.arguments):
        parts.append("expects=expects")
    if operation.has_key:
        parts.append("request_id=request_id or new_request_id()")
    return f"Call[{operation.answer}]({', '.join(parts)})"


def _placed(place: str, operation: Described) -> list[_Argument]:
    return [each for each in operation.arguments if each.place == place]


def _sent_in(place: str, operation: Described) -> str:
    return f"{place}={{{', '.join(f'{each.sent_as!r}: {each.name}' for each in _placed(place, operation))}}}"


def _may_be_null(argument: _Argument) -> bool:
    """Return true for what must be sent although it is null."""
    return not argument.is_optional and argument.annotation.endswith("None")
