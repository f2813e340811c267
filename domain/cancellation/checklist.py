"""The checklist of the intake: its questions, the answers that count, the questions still open (rules, section 8)."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.cancellation.checklist_refusals import (
    AnswerNotUnderstood,
    NoDataConfigured,
    QuestionAlreadyAnswered,
    QuestionNotAsked,
    TerminationDayInPast,
    TerminationDayTooFar,
)
from domain.cancellation.corrections import CORRECTABLE, QuestionNotCorrectable
from domain.cancellation.identity import (
    Identity,
    IdentityMismatch,
    same_address,
    same_name,
    same_url,
    sealed_point,
)
from domain.vocabulary import CampaignChoice, DataChoice, Purpose, Question, Termination, Verification

_WITHOUT_DATE = (Termination.NOW, Termination.END_OF_TERM)

FURTHEST_TERMINATION = timedelta(days=3660)
"""The furthest wish where no term reaches further: a guard against typing errors alone."""


class CaseFacts(BaseModel):
    """The facts about its organization and subscription that a cancellation has from the day it was opened."""

    model_config = ConfigDict(frozen=True)

    identity: Identity
    time_zone: str
    purpose: Purpose
    has_marketing_service: bool
    starts_on: date | None = None
    """The earliest start date of the subscription's lines, in histories of versions that held the termination day against it."""
    terms_end_on: date | None = None
    """The last term until or end date of the subscription's open lines; null if none has one."""
    single_line: bool = False
    """True if one line ends alone: the subscription keeps its data and its campaigns."""
    has_data: bool = False
    """True if this installation has the organization's business data, to be exported, migrated and erased."""


class Checklist(BaseModel):
    """The questions of one cancellation with the answers so far. Immutable: an answer gives a new checklist.

    The billing administrator's address counts as answered when it matches the record; the question is closed only when
    the person has also been verified.
    """

    model_config = ConfigDict(frozen=True)

    facts: CaseFacts
    answers: dict[Question, str] = {}
    verification: Verification | None = None

    @property
    def asked(self) -> tuple[Question, ...]:
        """The questions of this checklist; campaigns are asked about only where there is a marketing service."""
        left_out = {Question.DATA, Question.CAMPAIGNS} if self.facts.single_line else set()
        if not self.facts.has_marketing_service:
            left_out.add(Question.CAMPAIGNS)
        return tuple(question for question in Question if question not in left_out)

    @property
    def open_questions(self) -> tuple[Question, ...]:
        """The questions without an answer, in the order of the checklist."""
        return tuple(question for question in self.asked if question not in self.answers)

    @property
    def is_complete(self) -> bool:
        """True if every question is answered and the billing administrator is verified."""
        return not self.open_questions and self.verification is not None

    @property
    def termination_date(self) -> date | None:
        """The last day of access, once one is named: a civil date in the organization's zone."""
        answer = self.answers.get(Question.TERMINATION_DATE)
        return date.fromisoformat(answer) if answer and self.termination is Termination.ON_DATE else None

    @property
    def termination(self) -> Termination:
        """The way in which the end of access is asked for; on a date where it is not answered yet."""
        answer = self.answers.get(Question.TERMINATION_DATE)
        return Termination(answer) if answer in _WITHOUT_DATE else Termination.ON_DATE

    @property
    def data(self) -> DataChoice | None:
        """The choice about the data, once answered."""
        answer = self.answers.get(Question.DATA)
        return DataChoice(answer) if answer else None

    @property
    def campaigns(self) -> CampaignChoice | None:
        """The choice about the campaigns: `no_campaigns` where there is no marketing service, otherwise as answered."""
        if not self.facts.has_marketing_service:
            return CampaignChoice.NO_CAMPAIGNS
        answer = self.answers.get(Question.CAMPAIGNS)
        return CampaignChoice(answer) if answer else None

    def answered(self, given: Mapping[str, str], *, today: date) -> "Checklist":
        """Return the checklist with these answers added: all of them, or none and the first refusal.

        Args:
            given: the answers by question name, as text.
            today: the civil date in the organization's zone.

        Raises:
            QuestionNotAsked, QuestionAlreadyAnswered, AnswerNotUnderstood, TerminationDayInPast, TerminationDayTooFar,
            NoDataConfigured, IdentityMismatch.

        """
        checked: dict[Question, str] = {}
        mismatched: list[Question] = []
        for name, answer in given.items():
            question = self._asked_question(name)
            if self.answers.get(question) == answer:
                continue  # an equal answer is accepted again, also a day that is past by now
            if question in IDENTITY_CHECKS:
                record = getattr(self.facts.identity, question.value)
                if not IDENTITY_CHECKS[question](answer, record):
                    mismatched.append(question)
                checked[question] = record
            elif question is Question.TERMINATION_DATE:
                checked[question] = self._termination(answer.strip(), today)
            elif question is Question.DATA:
                checked[question] = self._data(answer)
            else:
                checked[question] = _choice(question, answer, CampaignChoice)
        if mismatched:
            raise IdentityMismatch(tuple(mismatched))
        return self.with_answers(checked)

    def corrected(self, given: Mapping[str, str], *, today: date) -> "Checklist":
        """Return the checklist with these answers instead of earlier ones: all of them, or none and the first refusal.

        An equal answer is accepted, also a day that is past by now. A question that is open is answered.

        Raises:
            QuestionNotCorrectable, and the refusals of `answered`.

        """
        for name in given:
            if name not in CORRECTABLE:
                raise QuestionNotCorrectable(name)
        new = {name: answer for name, answer in given.items() if self.answers.get(Question(name)) != answer.strip()}
        kept = {question: answer for question, answer in self.answers.items() if question not in new}
        return self.model_copy(update={"answers": kept}).answered(new, today=today)

    def with_answers(self, checked: Mapping[Question, str]) -> "Checklist":
        """Return the checklist with these answers, checked before, added. An equal answer is accepted again.

        Raises:
            QuestionAlreadyAnswered: a question has another answer already, which stands.

        """
        for question, answer in checked.items():
            if self.answers.get(question, answer) != answer:
                shown = None if question in IDENTITY_CHECKS else self.answers[question]
                raise QuestionAlreadyAnswered(question, shown)
        return self.model_copy(update={"answers": {**self.answers, **checked}})

    def recorded(
        self,
        answered: Iterable[Question],
        *,
        termination: Termination | None,
        termination_date: date | None,
        data: DataChoice | None,
        campaigns: CampaignChoice | None,
        verification: Verification | None,
    ) -> "Checklist":
        """Return the checklist with the recorded answers instead of its own; those about the identity are the record's."""
        on = termination_date.isoformat() if termination_date else None
        values = {
            Question.TERMINATION_DATE: termination if termination in _WITHOUT_DATE else on,
            Question.DATA: data,
            Question.CAMPAIGNS: campaigns,
        }
        answers = {
            question: getattr(self.facts.identity, question.value) if question in IDENTITY_CHECKS else values[question]
            for question in answered
        }
        return self.model_copy(update={"answers": answers, "verification": verification})

    def sealed(self, case: str) -> "Checklist":
        """Return the checklist as the workflow of a case gets it: without the identity on record (`Identity.sealed`)."""
        answers = {
            question: sealed_point(question, answer, case) if question in IDENTITY_CHECKS else answer
            for question, answer in self.answers.items()
        }
        facts = self.facts.model_copy(update={"identity": self.facts.identity.sealed(case)})
        return self.model_copy(update={"facts": facts, "answers": answers})

    def verified(self, how: Verification) -> "Checklist":
        """Return the checklist with the billing administrator verified."""
        return self.model_copy(update={"verification": how})

    def _asked_question(self, name: str) -> Question:
        try:
            question = Question(name)
        except ValueError:
            raise QuestionNotAsked(name, self.asked) from None
        if question not in self.asked:
            raise QuestionNotAsked(name, self.asked)
        return question

    def _data(self, answer: str) -> str:
        choice = DataChoice(_choice(Question.DATA, answer, DataChoice))
        if choice is not DataChoice.NONE and not self.facts.has_data:
            raise NoDataConfigured(choice)
        return choice.value

    def _termination(self, answer: str, today: date) -> str:
        """Return the answer in the form in which it is kept: a way without a date, or a day of the calendar."""
        if answer in _WITHOUT_DATE and not (self.facts.single_line and answer == Termination.NOW):
            return answer
        try:
            day = date.fromisoformat(answer)
        except ValueError:
            ways = (
                "end_of_term: a line has no access to end at once" if self.facts.single_line else "now or end_of_term"
            )
            raise AnswerNotUnderstood(
                Question.TERMINATION_DATE,
                f"a day of the calendar as YYYY-MM-DD, for example 2027-01-31, or with {ways}",
            ) from None
        if day < today:
            raise TerminationDayInPast(day, today, self.facts.time_zone)
        latest = max(today + FURTHEST_TERMINATION, self.facts.terms_end_on or date.min)
        if day > latest:
            raise TerminationDayTooFar(day, latest)
        return day.isoformat()


IDENTITY_CHECKS = {
    Question.BILLING_ADMINISTRATOR: same_address,
    Question.ORGANIZATION_URL: same_url,
    Question.ORGANIZATION_NAME: same_name,
}
"""The comparison of an answer with the record, for each question about the identity."""


def _choice(question: Question, answer: str, choices: type[StrEnum]) -> str:
    possible = [choice.value for choice in choices]
    if answer not in possible:
        raise AnswerNotUnderstood(question, " or ".join(possible))
    return answer
