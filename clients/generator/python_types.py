"""Python's types for JSON Schemas, as far as the documents of this repository use them."""

from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]

_BY_FORMAT = {"date": "date", "date-time": "datetime"}
_BY_TYPE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def name_of(reference: str) -> str:
    """Return the name of the schema that a reference leads to."""
    return reference.rpartition("/")[2]


def is_enum(schema: Schema) -> bool:
    """Return true for a schema that becomes an enum."""
    return "enum" in schema


def type_of(schema: Schema, prefix: str = "") -> str:
    """Return the annotation of a value that is read; ``prefix`` is put before the names of models."""
    if "$ref" in schema:
        return prefix + name_of(schema["$ref"])
    if parts := schema.get("anyOf") or schema.get("oneOf"):
        return _union(type_of(part, prefix) for part in parts)
    if "const" in schema:
        return "str"
    if "patternProperties" in schema:
        [value] = schema["patternProperties"].values()
        return f"dict[str, {type_of(value, prefix)}]"
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"tuple[{', '.join(type_of(item, prefix) for item in schema['prefixItems'])}]"
        case "array":
            return f"tuple[{type_of(schema.get('items', {}), prefix)}, ...]"
        case "object":
            return f"dict[str, {type_of(_values(schema), prefix)}]"
        case "string":
            return _BY_FORMAT.get(schema.get("format", ""), "str")
        case str(kind):
            return _BY_TYPE[kind]
    return "Any"


def type_of_argument(schema: Schema, enums: frozenset[str], prefix: str = "") -> str:
    """Return the annotation of a value that a caller gives: wider, a word of an enum may be text."""
    if "$ref" in schema:
        name = name_of(schema["$ref"])
        return _union([prefix + name, "str"]) if name in enums else prefix + name
    if parts := schema.get("anyOf"):
        return _union(type_of_argument(part, enums, prefix) for part in parts)
    if "patternProperties" in schema:
        [value] = schema["patternProperties"].values()
        return f"Mapping[str, {type_of_argument(value, enums, prefix)}]"
    match schema.get("type"):
        case "array":
            return f"Sequence[{type_of_argument(schema['items'], enums, prefix)}]"
        case "object":
            return f"Mapping[str, {type_of_argument(_values(schema), enums, prefix)}]"
    return type_of(schema, prefix)


def is_nullable(schema: Schema) -> bool:
    """Return true for a schema that null has."""
    return any(part.get("type") == "null" for part in schema.get("anyOf", ()))


def references(value: Any) -> set[str]:
    """Return the names of the schemas to which something refers."""
    if isinstance(value, Mapping):
        own = {name_of(value["$ref"])} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references(held) for held in value.values()))
    if isinstance(value, list | tuple):
        return set().union(*(references(held) for held in value))
    return set()


def reachable(names: set[str], schemas: Mapping[str, Schema]) -> list[str]:
    """Return the names of schemas and of all to which they lead, those first to which others refer."""
    found: dict[str, None] = {}

    def visit(name: str, above: tuple[str, ...] = ()) -> None:
        if name in found or name in above:
            return
        for needed in sorted(references(schemas[name])):
            visit(needed, (*above, name))
        found[name] = None

    for name in sorted(names):
        visit(name)
    return list(found)


def _values(schema: Schema) -> Schema:
    """Return the schema of the values of an object with names of its own."""
    found = schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else {}


def _union(parts: Iterable[str]) -> str:
    found = dict.fromkeys(part for each in parts for part in ([each] if "[" in each else each.split(" | ")))
    ordered = [part for part in found if part != "None"] + (["None"] if "None" in found else [])
    return "Any" if "Any" in found else " | ".join(ordered)
