"""Importing support queues: where their mail goes, and every queue that cannot be one."""

from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from domain.imports.refusals import ImportMalformed
from storage.tables import SupportQueueRow
from tests.support.import_documents import Document, Import, problems


def queues(engine: Engine) -> dict[str, str | None]:
    with Session(engine) as session:
        return {row.name: row.mail for row in session.scalars(select(SupportQueueRow))}


def of(*entries: Any) -> Document:
    return {"queues": list(entries)}


def test_queues_are_created_changed_and_left_alone(imported: Import, engine: Engine) -> None:
    technical = {"name": "technical_support", "mail": "technical@offramp.example"}
    first = imported(of(technical, {"name": "billing_support"}, {"name": "escalation", "mail": "duty@offramp.example"}))
    assert first.total.created == 3
    assert imported(of(technical, {"name": "billing_support"})).total.changed == 0

    changed = imported(of({**technical, "mail": "support@offramp.example"}, {"name": "night.shift-2", "mail": None}))

    assert (changed.total.created, changed.total.changed) == (1, 1)
    assert queues(engine) == {
        "technical_support": "support@offramp.example",
        "billing_support": None,
        "escalation": "duty@offramp.example",  # not named: it stays
        "night.shift-2": None,
    }


def test_a_queue_that_is_to_be_told_by_webhooks_alone_loses_its_address(imported: Import, engine: Engine) -> None:
    imported(of({"name": "escalation", "mail": "duty@offramp.example"}))
    imported(of({"name": "escalation"}))
    assert queues(engine) == {"escalation": None}


@pytest.mark.parametrize(
    ("entry", "path", "code"),
    [
        ({"mail": "duty@offramp.example"}, "queues[1].name", "field_missing"),
        ({"name": None}, "queues[1].name", "field_missing"),
        ({"name": "night shift"}, "queues[1].name", "identifier_malformed"),
        ({"name": "x" * 64}, "queues[1].name", "identifier_malformed"),
        ({"name": 7}, "queues[1].name", "field_malformed"),
        ({"name": "night", "mail": "nobody"}, "queues[1].mail", "field_malformed"),
        ({"name": "night", "mail": ["a@offramp.example"]}, "queues[1].mail", "field_malformed"),
        ({"name": "night", "phone": "1234"}, "queues[1].phone", "field_unknown"),
        ({"name": "escalation"}, "queues[1].name", "duplicate_id"),
        ("night", "queues[1]", "field_malformed"),
    ],
)
def test_what_is_no_queue_is_refused_by_its_path_and_nothing_is_imported(
    imported: Import, engine: Engine, entry: Any, path: str, code: str
) -> None:
    with pytest.raises(ImportMalformed) as refused:
        imported(of({"name": "escalation"}, entry))
    assert problems(refused) == [(path, code)]
    assert queues(engine) == {}


@pytest.mark.parametrize("section", [{"name": "escalation"}, "escalation"])
def test_queues_that_are_no_list_are_refused(imported: Import, section: object) -> None:
    with pytest.raises(ImportMalformed) as refused:
        imported({"queues": section})
    assert problems(refused) == [("queues", "field_malformed")]


@pytest.mark.parametrize("queue", ["migration_escalation_queue", "billing_queue", "credit_memo_escalation_queue"])
def test_a_policy_may_name_its_queues_but_nothing_that_could_be_none(imported: Import, queue: str) -> None:
    imported({"policies": {"night": {queue: "night_shift"}}})
    with pytest.raises(ImportMalformed) as refused:
        imported({"policies": {"night": {queue: "night shift"}}})
    assert [path for path, _ in problems(refused)] == [f"policies.night.{queue}"]
