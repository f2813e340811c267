"""The steps of a decision as data, and the sentences that are made of them."""

import base64
import json
import re
from datetime import date
from pathlib import Path
from string import Formatter

import pytest

from contract import CancellationStatus
from domain.lines.date_formula import DateFormula
from domain.lines.decision import LineDecision, decide
from domain.lines.explanation import SENTENCES, Statement, StatementCode, statement
from domain.lines.quote import Quote
from domain.messaging import MessageFacts
from domain.vocabulary import Stage
from domain.words import FOR_AGENTS, FOR_CUSTOMERS
from tests.activities.messaging.samples import facts, line

HISTORIES = Path(__file__).parents[2] / "histories"

A_VALUE: dict[str, date | str | int] = {
    "": "X-1",
    "day": date(2026, 12, 31),
    "days": 1,
    "length": "1M",
    "more_times": 4,
    "times": 2,
}
"""A value for each form that a sentence asks for."""

CODED = [code for code in StatementCode if code is not StatementCode.UNCODED]


def values_of(code: StatementCode) -> dict[str, date | str | int]:
    return {
        name: A_VALUE[form or ""] for _, name, form, _ in Formatter().parse(SENTENCES[code]) if name is not None
    }  # fmt: skip


@pytest.mark.parametrize("code", CODED)
def test_every_code_has_a_sentence_with_all_its_values(code: StatementCode) -> None:
    made = statement(code, **values_of(code))
    for words, day in ((FOR_AGENTS, "2026-12-31"), (FOR_CUSTOMERS, "31 December 2026")):
        said = made.in_words(words)
        assert not re.search(r"[{}]|None|  ", said)
        for name, value in values_of(code).items():
            expected = "1 month" if value == A_VALUE["length"] else str(value)
            assert (day if isinstance(value, date) else expected) in said, name
    assert made.text == made.in_words(FOR_AGENTS)


@pytest.mark.parametrize("code", CODED)
def test_the_values_of_a_statement_are_for_programs_and_survive_a_journey(code: StatementCode) -> None:
    made = statement(code, **values_of(code))
    assert set(made.values.values()) <= {"2026-12-31", "X-1", "1M", 1, 2, 4}
    assert Statement.model_validate_json(made.model_dump_json()) == made
    assert Statement.model_validate(json.loads(made.model_dump_json())) == made


def test_no_other_code_is_accepted() -> None:
    with pytest.raises(ValueError, match="code"):
        Statement.model_validate({"code": "deadline_moved", "values": {}, "text": "the deadline moved"})


def test_terms_are_kept_as_date_formulas() -> None:
    made = statement(
        StatementCode.NOTICE_PERIOD,
        received_on=date(2026, 10, 4),
        notice_period=DateFormula.parse("1m+cm"),
        end_date=date(2026, 11, 30),
    )
    assert made.values["notice_period"] == "1M+CM"
    assert made.text == "received on 2026-10-04; notice period 1M+CM to 2026-11-30"


def test_one_is_singular_and_more_are_counted() -> None:
    extended = {"wished_on": date(2027, 3, 1), "end_date": date(2026, 12, 31), "term_until": date(2027, 12, 31)}
    once = statement(StatementCode.WISH_AFTER_TERM, **extended, subsequent_term="1Y", times=1)
    often = statement(StatementCode.WISH_AFTER_TERM, **extended, subsequent_term="4M", times=3)
    assert once.text == "wished day 2027-03-01 is after 2026-12-31; extends by 1Y to 2027-12-31"
    assert often.text == "wished day 2027-03-01 is after 2026-12-31; extends 3 times by 4M to 2027-12-31"


def a_decision_recorded_as_text() -> dict[str, object]:
    """A decision as rows and histories hold it that are older than the codes."""
    recorded = decide(line("L-1"), date(2026, 9, 22)).model_dump(mode="json")
    recorded["explanation"] = ["deadline 30.09.2026 met with 8 days to spare; term until 31.12.2026"]
    recorded["one_day_later_explanation"] = "received on 23.09.2026, one day later, the line would end on the same day"
    return recorded


@pytest.mark.parametrize("as_json", [False, True])
def test_steps_that_were_recorded_as_text_are_read_and_shown_as_they_were(*, as_json: bool) -> None:
    recorded = a_decision_recorded_as_text()
    read = LineDecision.model_validate_json(json.dumps(recorded)) if as_json else LineDecision.model_validate(recorded)
    [step] = read.explanation
    assert (step.code, step.values) == (StatementCode.UNCODED, {})
    for words in (FOR_AGENTS, FOR_CUSTOMERS):
        assert step.in_words(words) == "deadline 30.09.2026 met with 8 days to spare; term until 31.12.2026"
    assert read.one_day_later_explanation is not None
    assert read.one_day_later_explanation.text.startswith("received on 23.09.2026, one day later")
    assert LineDecision.model_validate_json(read.model_dump_json()) == read


def test_a_history_that_is_older_than_the_codes_shows_its_steps_as_they_were() -> None:
    events = json.loads((HISTORIES / "closed.json").read_text(encoding="utf-8"))["events"]
    [result] = events[-1]["workflowExecutionCompletedEventAttributes"]["result"]["payloads"]
    status = CancellationStatus.model_validate_json(base64.b64decode(result["data"]))
    assert status.quote is not None
    [decided] = [quoted.decision for quoted in status.quote.lines]
    assert [step.text for step in decided.explanation] == [
        "no term: the line can be ended at any time",
        "no notice period: the day of receipt, 22.11.2026",
        "the line ends on 22.11.2026",
    ]
    assert decided.one_day_later_explanation is not None
    assert decided.one_day_later_explanation.code is StatementCode.UNCODED


def test_a_message_that_was_recorded_with_text_is_read() -> None:
    content = facts(Stage.SCHEDULED).model_dump(mode="json")
    for quoted in content["quote"]["lines"]:
        quoted["decision"] = a_decision_recorded_as_text()
    content["changes"] = content["changes_for_customer"] = ["Line L-1 is closed meanwhile."]
    read = MessageFacts.model_validate(content)
    assert [change.text for change in read.changes_for_customer] == ["Line L-1 is closed meanwhile."]
    assert read.for_systems()["changes"] == [
        {"code": "", "values": {}, "text": "Line L-1 is closed meanwhile."},
    ]
    assert Quote.model_validate(content["quote"]).lines[0].decision.explanation[0].code is StatementCode.UNCODED
