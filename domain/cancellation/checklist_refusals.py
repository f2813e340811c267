"""The refusals of answers to the checklist (rules, section 8)."""

from datetime import date

from domain.civil_dates import day_text
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input
from domain.vocabulary import DataChoice, Question, identifier_in


class QuestionNotAsked(Refusal):
    """An answer to a question that is not on this checklist."""

    code = "question_not_asked"

    def __init__(self, question: str, asked: tuple[Question, ...]) -> None:
        name = identifier_in(question)
        super().__init__(
            f"This cancellation does not ask about {name!r}." if name else "This cancellation does not ask that.",
            remedy=correct_input(f"The questions are: {', '.join(asked)}."),
            question=name,
        )


class QuestionAlreadyAnswered(Refusal):
    """A second answer to the same question; the first stands."""

    code = "question_already_answered"

    def __init__(self, question: Question, answer: str | None) -> None:
        shown = f" with {answer!r}" if answer else ""
        super().__init__(
            f"The question {question.value!r} is already answered{shown}.",
            remedy=Remedy.of(RemedyKind.RESTART_CANCELLATION),
            question=question.value,
        )


class AnswerNotUnderstood(Refusal):
    """An answer that is not one of the possible ones. It is not repeated: it may say who the customer is."""

    code = "answer_not_understood"

    def __init__(self, question: Question, expected: str) -> None:
        super().__init__(
            f"The answer to {question.value!r} is none of the possible ones.",
            remedy=correct_input(f"Answer with {expected}."),
            question=question.value,
        )


class TerminationDayInPast(Refusal):
    """A requested termination day that is past in the organization's zone."""

    code = "termination_day_in_past"

    def __init__(self, day: date, today: date, zone: str) -> None:
        super().__init__(
            f"The termination day {day_text(day)} is in the past: today is {day_text(today)} in {zone}.",
            remedy=correct_input("Name today or a later day."),
            termination_date=day,
            today=today,
        )


class TerminationDayTooFar(Refusal):
    """A requested termination day further away than ten years, and than the terms of the subscription."""

    code = "termination_day_too_far"

    def __init__(self, day: date, latest: date) -> None:
        super().__init__(
            f"The termination day {day_text(day)} is after {day_text(latest)}, the last day that can be named: ten years from "
            "now, or the end of the last term.",
            remedy=correct_input(f"Name {day_text(latest)} or an earlier day."),
            termination_date=day,
            latest=latest,
        )


class NoDataConfigured(Refusal):
    """A choice to keep data of an organization whose data this installation does not have."""

    code = "no_data_configured"

    def __init__(self, choice: DataChoice) -> None:
        super().__init__(
            f"There is no data to {choice.value}: the organization has no data_schema.",
            remedy=correct_input("Import the organization with its data_schema, or answer data=none."),
            choice=choice.value,
        )
