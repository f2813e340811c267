"""The list of cancellations: what it filters, how it is paged, and what it counts."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, update
from sqlalchemy.orm import Session

from domain.cancellation.waiting import Awaited
from domain.vocabulary import Stage
from records.cancellation import case_search
from records.cancellation.case_list import CaseFilter, CasePage, CursorUnknown, list_cases
from records.cancellation.transitions import withdraw
from records.transaction import Transaction
from storage.tables import SubscriptionRow
from tests.records.cancellation.opened_cases import BOTH, opened, step, with_subscriptions
from tests.support.import_documents import NOON, Document, Import


@pytest.fixture
def cases(imported: Import, document: Document, engine: Engine) -> Engine:
    """Five cases, an hour between them, of two organizations; the second and the fourth are withdrawn."""
    imported(with_subscriptions(document, {"B": 3, "C": 2}))
    received = ["SUB-B-1", "SUB-B-2", "SUB-B-3", "SUB-C-1", "SUB-C-2"]
    for hours, subscription in enumerate(received):
        opened(engine, subscription, at=NOON + timedelta(hours=hours))
    for subscription in ("SUB-B-2", "SUB-C-1"):
        with Transaction.begin(engine, BOTH) as transaction:
            withdraw(transaction, step(f"{subscription}/1", "withdrawn", NOON + timedelta(days=1), why="stays"))
    return engine


def page(engine: Engine, *, after: str | None = None, limit: int = 100, **wanted: Any) -> CasePage:
    with Session(engine) as session:
        return list_cases(session, CaseFilter(**wanted), after=after, limit=limit)


def listed(engine: Engine, **wanted: Any) -> list[str]:
    return [case.cancellation.removesuffix("/1") for case in page(engine, **wanted).cancellations]


def on_pages(engine: Engine, **wanted: Any) -> Iterator[str]:
    after = None
    while True:
        part = page(engine, after=after, **wanted)
        yield from (case.subscription for case in part.cancellations)
        after = part.next
        if after is None:
            return


def test_the_last_received_come_first(cases: Engine) -> None:
    assert listed(cases) == ["SUB-C-2", "SUB-C-1", "SUB-B-3", "SUB-B-2", "SUB-B-1"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"stages": {Stage.WITHDRAWN}}, ["SUB-C-1", "SUB-B-2"]),
        ({"stages": {Stage.WITHDRAWN, Stage.INTAKE}}, ["SUB-C-2", "SUB-C-1", "SUB-B-3", "SUB-B-2", "SUB-B-1"]),
        ({"stages": {Stage.CLOSED}}, []),
        ({"cancellations": {"SUB-B-1/1", "SUB-C-1/1", "SUB-NOWHERE/1"}}, ["SUB-C-1", "SUB-B-1"]),
        ({"cancellations": {"SUB-B-1/1", "SUB-C-1/1"}, "organizations": {"ORG-C"}}, ["SUB-C-1"]),
        ({"cancellations": set()}, []),
        ({"organization": "ORG-C"}, ["SUB-C-2", "SUB-C-1"]),
        ({"organization": "ORG-X"}, []),
        ({"organization": "ORG-C", "stages": {Stage.INTAKE}}, ["SUB-C-2"]),
        ({"waits_for": Awaited.CUSTOMER}, ["SUB-C-2", "SUB-B-3", "SUB-B-1"]),
        ({"waits_for": Awaited.BILLING}, []),
        ({"text": "sub-b"}, ["SUB-B-3", "SUB-B-2", "SUB-B-1"]),
        ({"text": "B-2/1"}, ["SUB-B-2"]),
        ({"text": "plan 1"}, ["SUB-C-1", "SUB-B-1"]),
        ({"text": "COMPANY c"}, ["SUB-C-2", "SUB-C-1"]),
        ({"text": "org-c"}, ["SUB-C-2", "SUB-C-1"]),
        ({"text": "boss@"}, []),
        ({"text": "example.com"}, []),
        ({"text": "B%3"}, []),
        ({"text": "SU", "organization": "ORG-C"}, ["SUB-C-2", "SUB-C-1"]),
        ({"text": "C-", "organization": "ORG-C"}, []),
        ({"text": "SUB_B"}, []),
        ({"text": "  plan 3 "}, ["SUB-B-3"]),
    ],
)
def test_every_condition_that_is_set_must_hold(cases: Engine, wanted: dict[str, Any], found: list[str]) -> None:
    assert listed(cases, **wanted) == found


@pytest.mark.parametrize("few", [0, 2, 100], ids=["by looking", "by the index, if one or two have it", "by the index"])
def test_a_text_finds_the_same_whichever_way_it_is_looked_for(
    cases: Engine, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    with Session(cases) as session, session.begin():
        # Found by its id and by its description: once all the same.
        session.execute(update(SubscriptionRow).where(SubscriptionRow.id == "SUB-B-2").values(description="as SUB-B-2"))
    texts = ("sub-", "B-2", "B-2/1", "plan 1", "COMPANY c", "none", "o")
    expected = {text: listed(cases, text=text) for text in texts}
    monkeypatch.setattr(case_search, "_FIRST_LOOK", 1)
    monkeypatch.setattr(case_search, "FEW", few)
    for text in texts:
        for limit in (1, 2, 5):
            assert list(on_pages(cases, text=text, limit=limit)) == expected[text], (text, limit)


def test_days_of_receipt_are_those_of_each_organization(imported: Import, document: Document, engine: Engine) -> None:
    """At half past eleven in the evening UTC it is the next day in Berlin, and two days on nowhere."""
    imported(with_subscriptions(document, {"B": 1}))
    late = datetime.fromisoformat("2026-11-30T23:30:00+00:00")
    opened(engine, "SUB-B-1", at=late)
    for first, last, found in (
        (date(2026, 12, 1), None, ["SUB-B-1"]),
        (date(2026, 12, 2), None, []),
        (None, date(2026, 12, 1), ["SUB-B-1"]),
        (None, date(2026, 11, 30), []),
        (date(2026, 12, 1), date(2026, 12, 1), ["SUB-B-1"]),
    ):
        assert listed(engine, received_from=first, received_until=last) == found


def test_pages_follow_each_other_without_a_gap_whatever_is_received_meanwhile(cases: Engine) -> None:
    first = page(cases, limit=2)
    assert first.next == first.cancellations[-1].cancellation == "SUB-C-1/1"
    opened(cases, "SUB-1", at=NOON + timedelta(days=2))
    second = page(cases, limit=2, after=first.next)
    third = page(cases, limit=2, after=second.next)
    found = [case.cancellation for one in (first, second, third) for case in one.cancellations]
    assert found == ["SUB-C-2/1", "SUB-C-1/1", "SUB-B-3/1", "SUB-B-2/1", "SUB-B-1/1"]
    assert third.next is None


def test_a_page_that_is_just_full_is_the_last_one(cases: Engine) -> None:
    assert page(cases, limit=5).next is None


def test_cases_received_at_the_same_instant_are_on_one_page_each(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(with_subscriptions(document, {"B": 7}))
    for number in range(1, 8):
        opened(engine, f"SUB-B-{number}")
    found, after = [], None
    while True:
        one = page(engine, limit=2, after=after)
        found += [case.cancellation for case in one.cancellations]
        if (after := one.next) is None:
            break
    assert sorted(found) == [f"SUB-B-{number}/1" for number in range(1, 8)]


def test_the_counts_are_those_of_the_whole_list_by_stage(cases: Engine) -> None:
    with Session(cases) as session:
        assert list_cases(session, counted=False).counts is None
    counts = page(cases, limit=1).counts
    assert counts is not None
    assert set(counts) == set(Stage)
    assert {stage: number for stage, number in counts.items() if number} == {Stage.INTAKE: 3, Stage.WITHDRAWN: 2}
    assert page(cases, after="SUB-B-2/1").counts == counts, "also on a later page"
    of_one = page(cases, organization="ORG-C", stages={Stage.WITHDRAWN}).counts
    assert of_one is not None
    assert {stage: number for stage, number in of_one.items() if number} == {Stage.WITHDRAWN: 1}


def test_a_cursor_that_no_list_gave_is_refused(cases: Engine) -> None:
    with pytest.raises(CursorUnknown) as refused:
        page(cases, after="SUB-9/9")
    assert refused.value.details.code == "cursor_unknown"


@pytest.mark.parametrize(
    "wanted", [{"text": "\x00"}, {"text": "   "}, {"text": "%-"}, {"text": "x" * 201}, {"organization": "a b"}]
)
def test_a_condition_that_cannot_be_meant_is_refused(wanted: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CaseFilter(**wanted)
