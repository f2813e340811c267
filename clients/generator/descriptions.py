"""The words of the models, for the documents: a field is described by the docstring after it."""

import ast
import inspect
import re
from collections.abc import Mapping
from functools import cache
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema


class DescribedSchema(GenerateJsonSchema):
    """JSON Schema with the docstrings of fields, and without the titles that only repeat a name."""

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        """Return the schema of a model with its fields described."""
        found = super().model_schema(schema)
        words = descriptions(schema["cls"])
        for name, field in found.get("properties", {}).items():
            if name in words:
                field.setdefault("description", words[name])
        return found


def descriptions(model: type[BaseModel]) -> Mapping[str, str]:
    """Return the docstring of each field of a model that has one; those of its bases too."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            found |= _own(inspect.getmodule(kind), kind.__qualname__)
    return found


def plain(text: str) -> str:
    """Return a docstring as one paragraph, with the marks of code that the documents have."""
    return re.sub(r"``(.+?)``", r"`\1`", " ".join(text.split()))


def without_titles(value: Any) -> Any:
    """Return a schema without the titles of its parts; a property may have that name."""
    if isinstance(value, list):
        return [without_titles(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {key: without_titles(held) for key, held in part.items()}
        if name == "properties"
        else without_titles(part)
        for name, part in value.items()
        if not (name == "title" and isinstance(part, str))
    }


@cache
def _module(module: ModuleType) -> Mapping[str, Mapping[str, str]]:
    """Return the docstrings of the fields of every class of a module, by the name of the class."""
    return {
        node.name: {
            field.target.id: plain(words.value.value)
            for field, words in zip(node.body, node.body[1:], strict=False)
            if isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(words, ast.Expr)
            and isinstance(words.value, ast.Constant)
            and isinstance(words.value.value, str)
        }
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.ClassDef)
    }


def _own(module: ModuleType | None, name: str) -> Mapping[str, str]:
    return _module(module).get(name, {}) if module else {}
