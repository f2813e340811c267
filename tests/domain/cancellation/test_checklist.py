"""The checklist: its questions, what counts as an answer, and every answer that is none (rules, section 8)."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest

from domain.cancellation.checklist import FURTHEST_TERMINATION, CaseFacts, Checklist
from domain.cancellation.checklist_refusals import (
    AnswerNotUnderstood,
    NoDataConfigured,
    QuestionAlreadyAnswered,
    QuestionNotAsked,
    TerminationDayInPast,
    TerminationDayTooFar,
)
from domain.cancellation.identity import Identity, IdentityMismatch
from domain.policy import ReasonCodeUnknown, check_reason_code
from domain.refusals import Refusal
from domain.vocabulary import CampaignChoice, DataChoice, Purpose, Question, Termination, Verification

TODAY = date(2026, 11, 28)
ANSWERS = {
    "billing_administrator": "Ann@Example.com",
    "organization_url": "contoso.example.com/",
    "organization_name": "Contoso",
    "termination_date": "2026-12-31",
    "data": "none",
    "campaigns": "keep",
}


def checklist(**facts: Any) -> Checklist:
    known: dict[str, Any] = {
        "identity": Identity(
            billing_administrator="ann@example.com",
            organization_url="https://contoso.example.com",
            organization_name="contoso",
        ),
        "time_zone": "Europe/Berlin",
        "purpose": Purpose.PRODUCTION,
        "has_marketing_service": True,
        "has_data": True,
    }
    return Checklist(facts=CaseFacts(**known | facts))


def test_the_questions_are_asked_in_the_order_of_the_checklist() -> None:
    assert checklist().open_questions == tuple(Question)


def test_campaigns_are_asked_about_only_where_there_is_a_marketing_service() -> None:
    without = checklist(has_marketing_service=False)
    assert Question.CAMPAIGNS not in without.asked
    assert without.campaigns is CampaignChoice.NO_CAMPAIGNS
    with pytest.raises(QuestionNotAsked):
        without.answered({"campaigns": "stop"}, today=TODAY)


def test_answers_are_taken_as_the_record_has_them() -> None:
    answered = checklist().answered(ANSWERS, today=TODAY)
    assert answered.open_questions == ()
    assert answered.answers[Question.BILLING_ADMINISTRATOR] == "ann@example.com"
    assert answered.answers[Question.ORGANIZATION_URL] == "https://contoso.example.com"
    assert (answered.termination_date, answered.data, answered.campaigns) == (
        date(2026, 12, 31),
        DataChoice.NONE,
        CampaignChoice.KEEP,
    )


def test_a_checklist_is_complete_when_all_is_answered_and_the_administrator_verified() -> None:
    answered = checklist().answered(ANSWERS, today=TODAY)
    assert not answered.is_complete
    assert answered.verified(Verification.ONE_TIME_CODE).is_complete
    assert not checklist().verified(Verification.ATTESTATION).is_complete


def test_answers_come_in_pieces_and_an_earlier_checklist_stays_as_it_was() -> None:
    first = checklist().answered({"data": "export"}, today=TODAY)
    second = first.answered({"campaigns": "stop"}, today=TODAY)
    assert set(first.answers) == {Question.DATA}
    assert set(second.answers) == {Question.DATA, Question.CAMPAIGNS}


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ({"shoe_size": "44"}, QuestionNotAsked),
        ({"data": "perhaps"}, AnswerNotUnderstood),
        ({"data": "None"}, AnswerNotUnderstood),
        ({"campaigns": ""}, AnswerNotUnderstood),
        ({"termination_date": "31.12.2026"}, AnswerNotUnderstood),
        ({"termination_date": "2026-02-30"}, AnswerNotUnderstood),
        ({"termination_date": "2026-11-27"}, TerminationDayInPast),
        ({"billing_administrator": "bob@example.com"}, IdentityMismatch),
    ],
)
def test_what_is_no_answer_is_refused(given: dict[str, str], refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        checklist().answered(given, today=TODAY)


@pytest.mark.parametrize("words", ["ann@x.example", "Ann Smith has left us", "a" * 64])
def test_no_refusal_repeats_what_was_typed_in_the_wrong_field(words: str) -> None:
    """Refusals are shown to everybody who may see the case, and kept with its audit trail."""
    attempts: list[Callable[[], object]] = [
        *(partial(checklist().answered, {each: words}, today=TODAY) for each in Question),
        partial(checklist().answered, {words: "none"}, today=TODAY),
        partial(checklist().corrected, {words: "none"}, today=TODAY),
        partial(checklist().corrected, {"data": words}, today=TODAY),
        partial(check_reason_code, words, None),
    ]
    for attempt in attempts:
        with pytest.raises(Refusal) as refused:
            attempt()
        assert words not in refused.value.details.model_dump_json()


def test_a_name_that_is_none_of_ours_is_repeated() -> None:
    with pytest.raises(QuestionNotAsked, match="'shoe_size'"):
        checklist().answered({"shoe_size": "44"}, today=TODAY)
    with pytest.raises(ReasonCodeUnknown, match="'bored'"):
        check_reason_code("bored", None)


def test_one_bad_answer_takes_none_of_them() -> None:
    before = checklist()
    with pytest.raises(AnswerNotUnderstood):
        before.answered({"data": "none", "campaigns": "maybe"}, today=TODAY)
    assert before.answers == {}


def test_today_is_a_termination_day_and_so_is_the_last_day_that_a_case_is_carried_for() -> None:
    for day in (TODAY, TODAY + FURTHEST_TERMINATION):
        assert checklist().answered({"termination_date": day.isoformat()}, today=TODAY).termination_date == day
    with pytest.raises(TerminationDayTooFar):
        checklist().answered(
            {"termination_date": (TODAY + FURTHEST_TERMINATION + timedelta(1)).isoformat()}, today=TODAY
        )


@pytest.mark.parametrize("way", [Termination.NOW, Termination.END_OF_TERM])
def test_access_ends_in_a_way_without_a_date_as_well(way: Termination) -> None:
    answered = checklist().answered({"termination_date": way.value}, today=TODAY)
    assert (answered.termination, answered.termination_date) == (way, None)
    assert answered.answered({"termination_date": way.value}, today=TODAY + timedelta(days=40)) == answered
    with pytest.raises(QuestionAlreadyAnswered):
        answered.answered({"termination_date": TODAY.isoformat()}, today=TODAY)


def test_a_term_of_fifteen_years_can_be_waited_for_to_its_end_and_not_beyond() -> None:
    end = date(2041, 6, 30)
    long_term = checklist(terms_end_on=end)
    assert long_term.answered({"termination_date": "2041-06-30"}, today=TODAY).termination_date == end
    with pytest.raises(TerminationDayTooFar) as refused:
        long_term.answered({"termination_date": "2041-07-01"}, today=TODAY)
    assert refused.value.details.values["latest"] == "2041-06-30"
    assert "2041-06-30" in refused.value.message


@pytest.mark.parametrize("ends_on", [None, date(2026, 1, 31), TODAY + FURTHEST_TERMINATION - timedelta(1)])
def test_a_term_that_ends_sooner_does_not_shorten_the_ten_years(ends_on: date | None) -> None:
    furthest = TODAY + FURTHEST_TERMINATION
    asked = checklist(terms_end_on=ends_on)
    assert asked.answered({"termination_date": furthest.isoformat()}, today=TODAY).termination_date == furthest


@pytest.mark.parametrize("choice", ["export", "migrate"])
def test_data_is_kept_only_of_an_organization_whose_data_is_known(choice: str) -> None:
    with pytest.raises(NoDataConfigured):
        checklist(has_data=False).answered({"data": choice}, today=TODAY)
    assert checklist().answered({"data": choice}, today=TODAY).data == choice


def test_an_answer_about_the_identity_is_never_repeated_in_a_refusal() -> None:
    answered = checklist().answered({"billing_administrator": "ann@example.com", "data": "none"}, today=TODAY)
    with pytest.raises(QuestionAlreadyAnswered) as again:
        answered.with_answers({Question.BILLING_ADMINISTRATOR: "bob@example.com"})
    assert "@example.com" not in str(again.value)
    with pytest.raises(QuestionAlreadyAnswered, match="none"):
        answered.answered({"data": "export"}, today=TODAY)


def test_an_equal_answer_is_accepted_again_also_a_day_that_is_past_by_now() -> None:
    given = {"billing_administrator": "ann@example.com", "data": "none", "termination_date": TODAY.isoformat()}
    answered = checklist().answered(given, today=TODAY)
    assert answered.answered(given, today=TODAY + timedelta(days=1)) == answered


@pytest.mark.parametrize("end", [TODAY.isoformat(), Termination.NOW, Termination.END_OF_TERM])
def test_the_recorded_answers_are_those_that_were_given(end: str) -> None:
    given = {"organization_name": "contoso", "data": "none", "termination_date": end}
    answered = checklist().answered(given, today=TODAY).verified(Verification.ATTESTATION)
    recorded = checklist().recorded(
        answered.answers,
        termination=answered.termination,
        termination_date=answered.termination_date or TODAY,  # the record has a date in any case
        data=answered.data,
        campaigns=None,
        verification=Verification.ATTESTATION,
    )
    assert recorded == answered


def test_every_mismatch_is_named_at_once_and_the_record_is_not() -> None:
    wrong = {"billing_administrator": "bob@example.com", "organization_url": "https://fabrikam.example.com"}
    with pytest.raises(IdentityMismatch) as refused:
        checklist().answered(wrong, today=TODAY)
    assert refused.value.values["questions"] == "billing_administrator,organization_url"
    assert "contoso" not in str(refused.value)
