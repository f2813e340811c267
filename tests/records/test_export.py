"""Exports in the records: which attempt counts, what is asked of one, whose acknowledgement stands (rules, section 10)."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.export.requests import ExportErased, NoExport
from domain.refusals import Refusal
from domain.vocabulary import Channel
from records import erasure as erasures
from records import export as exports
from records.export import AttemptSuperseded, ExportSummary
from records.transaction import Transaction
from tests.records.closed_cases import (
    BOTH,
    CASE,
    acknowledge,
    attempt,
    begin,
    finish,
    finish_before_closing,
    messages,
    set_stage,
    step,
)
from tests.support.import_documents import NOON


def test_each_attempt_has_a_place_of_its_own_and_the_newest_alone_may_finish(case: Engine) -> None:
    first, second = attempt(case), attempt(case)

    assert (first.prefix, second.prefix) == (f"cancellations/{CASE}/export/1/", f"cancellations/{CASE}/export/2/")
    assert second.prefix.startswith(second.prefix_of_all)
    with pytest.raises(AttemptSuperseded):
        finish(case, first)
    finish(case, second)
    assert begin(case) == ExportSummary(
        prefix=second.prefix, manifest_sha256="ab" * 32, tables=3, rows=70, bytes=1000, warnings=1
    )


def test_an_export_prepares_the_case_and_is_told_once_however_often_it_is_finished(case: Engine) -> None:
    only = attempt(case)
    finish(case, only)
    finish(case, only)

    assert messages(case) == [(f"{CASE}/export.ready/mail", "mail"), (f"{CASE}/export.ready/webhook", "webhook")]
    with Session(case) as session:
        assert session.execute(text("SELECT stage FROM cancellations")).scalar() == "preparing"


def test_an_export_of_a_case_that_was_withdrawn_meanwhile_does_not_count(case: Engine) -> None:
    only = attempt(case)
    set_stage(case, "withdrawn")

    with pytest.raises(AttemptSuperseded):
        finish(case, only)


def test_a_fresh_link_is_told_again_and_lasts_as_long_as_the_first(case: Engine) -> None:
    finish(case, attempt(case))
    later = NOON + timedelta(days=30)
    for _ in range(2):
        with Transaction.begin(case, frozenset({Channel.MAIL})) as transaction:
            exports.renew_link(transaction, step("renew", later))

    assert [id_ for id_, channel in messages(case) if channel == "mail"] == [
        f"{CASE}/export.ready/mail",
        f"{CASE}/export.ready/2/mail",
    ]
    with Session(case) as session:
        state = exports.export_of(session, CASE)
    assert state is not None
    assert state.link_expires_at == later + timedelta(days=7)


def test_the_first_acknowledgement_stands(case: Engine) -> None:
    finish(case, attempt(case))
    acknowledge(case, "ann")
    acknowledge(case, "bob")

    with Session(case) as session:
        state = exports.export_of(session, CASE)
    assert state is not None
    assert (state.acknowledged_by, state.acknowledged_at) == ("ann", NOON)


def test_nothing_is_asked_of_an_export_that_is_not_finished_or_is_erased(case: Engine) -> None:
    def asked() -> list[Callable[[Transaction], object]]:
        return [
            lambda transaction: exports.acknowledge(transaction, step("a")),
            lambda transaction: exports.renew_link(transaction, step("b")),
        ]

    def refused_as(refusal: type[Refusal]) -> None:
        for ask in asked():
            with pytest.raises(refusal), Transaction.begin(case, BOTH) as transaction:
                ask(transaction)

    refused_as(NoExport)
    only = attempt(case)
    refused_as(NoExport)
    finish(case, only)
    with Transaction.begin(case, BOTH) as transaction:
        erasures.record_discarded(transaction, step("discard"), objects=7, at=NOON)
    refused_as(ExportErased)


def test_no_fresh_link_leads_to_an_export_that_is_being_erased(closed: Engine) -> None:
    finish_before_closing(closed)
    acknowledge(closed)
    with Transaction.begin(closed, BOTH) as transaction:
        erasures.begin_erasure(transaction, step("erase"))

    acknowledge(closed, "said again")
    with pytest.raises(ExportErased), Transaction.begin(closed, BOTH) as transaction:
        exports.renew_link(transaction, step("renew"))
    with Session(closed) as session:
        state = exports.export_of(session, CASE)
    assert state is not None
    assert (state.is_gone, state.erased_at) == (True, None)
