"""Types that Temporal keeps in histories grow by optional fields alone: the code is held against a recorded JSON Schema.

A history is replayed for months after the release that wrote it. A field that disappears, changes its type or becomes
required fails a workflow task on a customer's case. ``make histories`` adds what has grown to the record, and nothing else.
"""

import inspect
import json
import os
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import activities
import contract
from contract import steps
from domain.lines.runs import LineDatesProgress

RECORD = Path(__file__).with_name("history_types.json")
RECORDING = bool(os.environ.get("OFFRAMP_RECORD_HISTORIES"))
PROSE = ("title", "description")


def models(package: Any) -> list[type[BaseModel]]:
    """The models that a package offers, by name."""
    offered = [getattr(package, name) for name in package.__all__]
    return [kind for kind in offered if inspect.isclass(kind) and issubclass(kind, BaseModel)]


@cache
def schemas_of_code() -> dict[str, Any]:
    """The JSON Schema of every type of a history, by name, without prose and without what defaults are."""
    kept: list[type[BaseModel]] = [*models(steps), *models(contract), LineDatesProgress]
    _, schema = models_json_schema([(kind, "validation") for kind in kept])
    found: dict[str, Any] = _without_prose(schema["$defs"])
    return found


def _without_prose(value: Any) -> Any:
    """Drop titles, descriptions and the prose in them; ``properties`` may have a field of such a name."""
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: {key: _without_prose(item) for key, item in held.items()}
        if name == "properties"
        else _without_prose(held)
        for name, held in value.items()
        if not (name in PROSE and isinstance(held, str))
    }


def breaks(recorded: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Say in what a type no longer reads what its recorded form wrote."""
    if "enum" in recorded or "const" in recorded:
        gone = _values(recorded) - _values(now)
        if gone:
            yield f"the values {sorted(gone)} are gone"
        return
    before, after = recorded.get("properties", {}), now.get("properties", {})
    for name, form in before.items():
        if name not in after:
            yield f"the field {name} is gone"
        elif not _reads(after[name], form):
            yield f"the field {name} has another form: {form} was recorded, {after[name]} is read"
    for name in now.get("required", []):
        if name not in recorded.get("required", []):
            yield f"the field {name} must be there, and was not recorded as such"


def _values(form: dict[str, Any]) -> set[Any]:
    return set(form.get("enum", [form["const"]] if "const" in form else []))


def _reads(now: dict[str, Any], recorded: dict[str, Any]) -> bool:
    """Whether a field still takes all that its recorded form took: the same, or one more alternative."""
    return {_frozen(form) for form in _alternatives(recorded)} <= {_frozen(form) for form in _alternatives(now)}


def _alternatives(form: dict[str, Any]) -> list[dict[str, Any]]:
    bare = {name: held for name, held in form.items() if name != "default"}
    found: list[dict[str, Any]] = bare.get("anyOf", [bare])
    return found


def _frozen(form: dict[str, Any]) -> str:
    return json.dumps(form, sort_keys=True)


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    return found


@pytest.mark.parametrize("name", sorted(recorded()))
def test_a_type_reads_what_was_recorded(name: str) -> None:
    now = schemas_of_code()
    assert name in now, f"{name} is gone, and histories hold it"
    assert list(breaks(recorded()[name], now[name])) == []


def test_the_record_holds_every_type_as_it_is() -> None:
    """A field that nobody recorded could be taken away again, unseen; ``make histories`` records it."""
    now, before = schemas_of_code(), recorded()
    if RECORDING and not any(found for name in before for found in breaks(before[name], now.get(name, {}))):
        RECORD.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        before = recorded()
    assert now == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda form: form["properties"].pop("actor"), "the field actor is gone"),
        (lambda form: form["properties"]["at"].update(type="integer"), "the field at has another form"),
        (lambda form: form["required"].append("why"), "the field why must be there"),
    ],
)
def test_a_change_that_breaks_histories_is_found(change: Any, said: str) -> None:
    form = json.loads(json.dumps(schemas_of_code()["Step"]))
    change(form)
    (found,) = breaks(schemas_of_code()["Step"], form)
    assert found.startswith(said)


def test_growth_breaks_nothing() -> None:
    form = json.loads(json.dumps(schemas_of_code()["Step"]))
    form["properties"]["sent_at"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert list(breaks(schemas_of_code()["Step"], form)) == []


def carried_by_activities() -> set[type[BaseModel]]:
    """Every model that an activity takes or returns."""
    found: set[type[BaseModel]] = set()
    for module in pkgutil.walk_packages(activities.__path__, "activities."):
        if module.name.endswith(".lifeline"):  # a program, which runs what it is given
            continue
        for _, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            for _, method in inspect.getmembers(kind, inspect.isfunction):
                if hasattr(method, "__temporal_activity_definition"):
                    found |= {model for hint in get_type_hints(method).values() for model in _models_in(hint)}
    return found


def _models_in(hint: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        yield hint
    for argument in get_args(hint):
        yield from _models_in(argument)


def test_steps_hold_what_activities_carry_and_nothing_else() -> None:
    carried = carried_by_activities()
    assert carried, "activities carry models"
    carried |= {steps.Continued}  # from one run of a workflow to the next
    assert {
        kind for kind in carried if kind.__module__.partition(".")[0] in ("activities", "records", "storage")
    } == set()
    assert {kind.__name__ for kind in models(steps)} == {
        kind.__name__ for kind in _with_parts(carried) if kind.__module__.startswith("contract.steps")
    }


def _with_parts(kinds: set[type[BaseModel]]) -> set[type[BaseModel]]:
    """The models themselves, their bases, and the models in their fields."""
    found: set[type[BaseModel]] = set()
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if kind in found or kind is BaseModel:
            continue
        found.add(kind)
        waiting += [base for base in kind.__bases__ if issubclass(base, BaseModel)]
        waiting += [part for field in kind.model_fields.values() for part in _models_in(field.annotation)]
    return found
