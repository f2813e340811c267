"""The refusals of bulks, and those of single rows, which stand in the plan and hold up no other row."""

from collections.abc import Sequence

from domain.bulk import ALONE_UP_TO, BulkState
from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind, correct_input

_SHOW_IT = correct_input("Look at the bulk as it is now, and ask for what it admits.")


class BulkFileMalformed(Refusal):
    """A file of which no row can be read."""

    code = "bulk_file_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The file cannot be read: {reason}.",
            remedy=correct_input("Write it as CSV in UTF-8, with the names of the columns in its first row."),
            reason=reason,
        )


class BulkFileTooLarge(Refusal):
    """A file of more than one bulk takes."""

    code = "bulk_file_too_large"

    def __init__(self, most: str) -> None:
        super().__init__(
            f"A bulk takes {most} at most, and this is more.",
            remedy=correct_input("Part it into several."),
            most=most,
        )


class BulkPlanMalformed(Refusal):
    """A plan that says too much or too little, or asks for more than an installation gives."""

    code = "bulk_plan_malformed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"A bulk cannot be planned like that: {reason}.",
            remedy=correct_input("Correct what is asked for."),
            reason=reason,
        )


class BulkRowMalformed(Refusal):
    """A row whose cells do not have their form."""

    code = "bulk_row_malformed"

    def __init__(self, problems: Sequence[str]) -> None:
        said = "; ".join(problems)
        super().__init__(
            f"The row does not have its form: {said}.",
            remedy=correct_input("Correct the row, and plan the file anew."),
            problems=said,
        )


class BulkRowDuplicate(Refusal):
    """A row about the subscription of an earlier one."""

    code = "bulk_row_duplicate"

    def __init__(self, subscription: str, row: int) -> None:
        super().__init__(
            f"Row {row} is about {subscription} already.",
            remedy=Remedy.of(RemedyKind.NOTHING_TO_DO),
            row=row,
        )


class BulkRowFailed(Refusal):
    """A row that a fault of the program, or of the data that it is about, prevents from being judged."""

    code = "bulk_row_failed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The row cannot be judged ({reason}), which is a fault of the service or of the data of its subscription.",
            remedy=Remedy.of(RemedyKind.REPORT_DEFECT),
            reason=reason,
        )


class BulkRowChanged(Refusal):
    """A row that would do something else than its plan has shown."""

    code = "bulk_row_changed"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The row was not started, because it would do something else than was shown: {reason}.",
            remedy=correct_input("Look at a quote, and start it by itself, or in another bulk."),
            reason=reason,
        )


class BulkUnknown(Refusal):
    """A bulk that does not exist, or belongs to others."""

    code = "bulk_unknown"

    def __init__(self, bulk: str) -> None:
        super().__init__(f"There is no bulk {bulk!r}.", remedy=correct_input("Check the id."), bulk=bulk)


class BulkHasOtherState(Refusal):
    """A request that a bulk does not admit as it is."""

    code = "bulk_has_other_state"

    def __init__(self, bulk: str, state: BulkState, wanted: str) -> None:
        super().__init__(f"{bulk} is {state}, and cannot be {wanted}.", remedy=_SHOW_IT, bulk=bulk, state=state)


class BulkPlanDiffers(Refusal):
    """A confirmation of another plan than the one that there is."""

    code = "bulk_plan_differs"

    def __init__(self, bulk: str, digest: str) -> None:
        super().__init__(
            f"The plan of {bulk} is not the one that was confirmed, {digest!r}.", remedy=_SHOW_IT, bulk=bulk
        )


class BulkNeedsSecondPerson(Refusal):
    """A confirmation by whoever planned the bulk, or by somebody whom nobody knows."""

    code = "bulk_needs_second_person"

    def __init__(self, bulk: str, rows: int, actor: str) -> None:
        super().__init__(
            f"{bulk} starts {rows} cancellations. More than {ALONE_UP_TO} are confirmed by somebody who is known, and who did "
            f"not plan them; {actor} is not.",
            remedy=Remedy.of(RemedyKind.ASK_SECOND_PERSON),
            bulk=bulk,
            rows=rows,
            actor=actor,
        )


class BulkOfNothing(Refusal):
    """A bulk without a row that can be started, or an organization without a subscription that is left to cancel."""

    code = "bulk_of_nothing"

    def __init__(self, subject: str) -> None:
        super().__init__(
            f"{subject} has nothing to start.", remedy=Remedy.of(RemedyKind.NOTHING_TO_DO), subject=subject
        )
