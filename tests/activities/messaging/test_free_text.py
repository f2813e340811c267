"""Free text: no letter carries the words of somebody who was not verified (rules, section 8)."""

from itertools import product

import pytest

from activities.messaging.letters import Letter, letter
from domain.marketing import Consent, MarketingStage
from domain.messaging import MAILED, Facts
from domain.vocabulary import Event, Stage
from tests.activities.messaging.letter_samples import (
    ERASURE,
    EXPORT,
    FOR_THE_QUEUE,
    MIGRATION,
    OPEN,
    SYSTEM_TASK,
    service,
    stopping,
)
from tests.activities.messaging.samples import facts, line_facts

MARKER = "ring 0900-666 to keep your account"
ACKNOWLEDGEMENTS = frozenset({Event.RECEIVED, Event.LINE_RECEIVED, Event.MARKETING_CANCELLATION_RECEIVED})
BY_THE_SERVICE = frozenset({Event.ABANDONED, Event.LINE_ABANDONED, Event.MARKETING_CANCELLATION_ABANDONED})
"""The events whose reason no person writes."""

AFTER_EFFECT = frozenset(
    {
        *(Event.EFFECTIVE, Event.REVERSAL_REMINDER, Event.CLOSED),
        *(Event.LINE_EFFECTIVE, Event.LINE_REVERSAL_REMINDER, Event.LINE_CANCELLATION_CLOSED),
    }
)
OF_A_LINE = [event for event in MAILED if event.startswith("line_cancellation.")]
OF_A_SERVICE = [event for event in MAILED if event.startswith("marketing.") and "consent" not in event]
EVERY_EVENT = sorted(MAILED)


def about(event: Event, *, verified: bool) -> list[Facts]:
    """Facts for every letter that an event can lead to, with a text of somebody's in every place that takes one."""
    said = {"reason": MARKER, "verified": verified}
    found: list[Facts] = []
    for stage, open_questions, migration in product(Stage, ({}, OPEN), (MIGRATION, FOR_THE_QUEUE)):
        if open_questions and (
            stage not in (Stage.INTAKE, Stage.WITHDRAWN, Stage.ABANDONED)
            or event in (Event.SCHEDULED, Event.LINE_SCHEDULED)
        ):
            continue
        if open_questions and event in (Event.REMINDER, Event.LINE_REMINDER) and stage is not Stage.INTAKE:
            continue
        if event in AFTER_EFFECT and stage not in (Stage.CANCELED, Stage.CLOSED):
            continue
        campaigns = stopping(Consent.ASKED) if event.startswith("marketing.") else {}
        also = {"export": EXPORT, "erasure": ERASURE, "migration": migration, "system_task": SYSTEM_TASK}
        of = line_facts if event in OF_A_LINE else facts
        found.append(of(stage, **{**campaigns, **also, **open_questions, **said}))
    if event in OF_A_SERVICE:
        found += [service(stage).model_copy(update=said) for stage in MarketingStage]
    return found


def letters(event: Event, *, verified: bool) -> list[Letter]:
    written = [letter(event, known) for known in about(event, verified=verified)]
    assert written
    return written


def carries(written: Letter) -> bool:
    return any(MARKER in " ".join(part.split()) for part in (written.subject, written.text, written.html))


@pytest.mark.parametrize("event", EVERY_EVENT)
def test_no_letter_repeats_the_words_of_somebody_who_is_not_verified(event: Event) -> None:
    assert not any(carries(written) for written in letters(event, verified=False))


@pytest.mark.parametrize("event", [event for event in EVERY_EVENT if event not in ACKNOWLEDGEMENTS | BY_THE_SERVICE])
def test_no_letter_about_a_later_event_repeats_anybodys_words(event: Event) -> None:
    """Who withdraws or reverses is not verified by the verification of who started."""
    assert not any(carries(written) for written in letters(event, verified=True))


@pytest.mark.parametrize("event", sorted(ACKNOWLEDGEMENTS))
def test_the_acknowledgement_repeats_the_reason_that_was_given_with_a_verification(event: Event) -> None:
    assert all(carries(written) for written in letters(event, verified=True))


@pytest.mark.parametrize("verified", [True, False])
def test_the_code_of_a_reason_is_the_policys_and_stands_in_every_acknowledgement(verified: bool) -> None:
    written = letter(Event.RECEIVED, facts(Stage.INTAKE, reason=MARKER, reason_code="too_expensive", verified=verified))
    said = " ".join(written.text.split())
    assert f"Reason given: too expensive{f': {MARKER}' if verified else ''} When billing ends" in said
