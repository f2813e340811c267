"""The models of the Python client, from the schemas of the documents."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel

from clients.generator.python_types import Schema, is_enum, is_nullable, name_of, reachable, references, type_of

_TAKEN = frozenset(dir(BaseModel))
"""The names that a field cannot have; with an underscore at its end it is another."""
_HEAD = '''"""The models of the service's answers and webhooks. Written by `make client`; not to be edited."""

from datetime import date, datetime
from typing import Any

from pydantic import Field

from offramp_client.base import Given, Model, Word

'''


def models_module(schemas: Mapping[str, Schema], wanted: Iterable[str]) -> str:
    """Return the source of the module with the schemas that are wanted, and with all that they refer to."""
    names = reachable(set(wanted), schemas)
    body = "\n\n".join("\n".join(_class(name, schemas[name])) + "\n" for name in names)
    return f"{_HEAD}\n{body}"


def used_by(document: Schema) -> set[str]:
    """Return the names of the schemas that the answers of the operations in an OpenAPI document have, and their arguments."""
    schemas = document["components"]["schemas"]
    found: set[str] = set()
    for path in document["paths"].values():
        for operation in path.values():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            for name in references(body):
                found |= references(schemas[name])
            found |= references(operation["responses"]) | references(operation.get("parameters", []))
    return found


def _class(name: str, schema: Schema) -> Iterator[str]:
    description = _docstring(schema.get("description") or f"{name}.", 4)
    if is_enum(schema):
        yield f"class {name}(Word):"
        yield description
        yield ""
        for value in schema["enum"]:
            yield f'    {_member(value)} = "{value}"'
        return
    yield f"class {name}({'Given' if schema.get('additionalProperties') is False else 'Model'}):"
    yield description
    properties: Mapping[str, Schema] = schema.get("properties", {})
    if properties:
        yield ""
    required = set(schema.get("required", ()))
    ordered = sorted(properties, key=lambda field: not _has_to_be_given(properties[field], field in required))
    for field in ordered:
        yield from _field(field, properties[field], field in required)


def _field(name: str, schema: Schema, required: bool) -> Iterator[str]:
    annotation = type_of(schema)
    default = "" if _has_to_be_given(schema, required) else _default(schema)
    if default == "None" and annotation != "Any" and not annotation.endswith("None"):
        annotation += " | None"
    if name in _TAKEN:
        value = f'Field({f"{default}, " if default else ""}alias="{name}")'
        yield f"    {name}_: {annotation} = {value}"
    else:
        yield f"    {name}: {annotation}{f' = {default}' if default else ''}"
    if description := schema.get("description"):
        yield _docstring(description, 4)


def _has_to_be_given(schema: Schema, required: bool) -> bool:
    """Return true for a field without a default: what may be null may also be absent, as it is in webhooks."""
    return required and not is_nullable(schema)


def _default(schema: Schema) -> str:
    default = schema.get("default")
    if isinstance(default, list):
        return "()"
    if isinstance(default, dict):
        return f"Field(default_factory={name_of(schema['$ref']) if '$ref' in schema else 'dict'})"
    if isinstance(default, str) and "$ref" in schema:
        return f'{type_of(schema)}("{default}")'
    return repr(default)


def _member(value: str) -> str:
    return value.upper().replace(".", "_").replace("-", "_") or "NONE"


def _docstring(text: str, indent: int) -> str:
    text = " ".join(text.replace("\\", "\\\\").split())
    text = text[:1].upper() + text[1:]
    if not text.endswith((".", "?", "!")):
        text += "."
    if len(text) + indent + 6 <= 120:
        return textwrap.indent(f'"""{text}"""', " " * indent)
    lines = textwrap.wrap(text, 118 - indent)
    return textwrap.indent("\n".join([f'"""{lines[0]}', *lines[1:], '"""']), " " * indent)
