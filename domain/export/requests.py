"""Exports of an organization's data: the refusals of requests about one (rules, section 10)."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class NoExport(Refusal):
    """A request about an export that does not exist, or is not finished."""

    code = "no_export"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"Cancellation {cancellation} has no finished export.",
            remedy=Remedy.of(RemedyKind.SHOW_EXPORT, cancellation=cancellation),
            cancellation=cancellation,
        )


class ExportFilesMissing(Refusal):
    """Files of a finished export that are missing from the object store, or not as they were written."""

    code = "export_files_missing"

    def __init__(self, cancellation: str, prefix: str) -> None:
        super().__init__(
            f"The export of {cancellation} is finished, but its files are not all in the object store.",
            remedy=Remedy.of(RemedyKind.RESTORE_OBJECTS, prefix=prefix),
            cancellation=cancellation,
            prefix=prefix,
        )


class ExportOfAnotherCase(Refusal):
    """An acknowledgement, or a request for a link, that names a case other than the one it was sent to."""

    code = "export_of_another_case"

    def __init__(self, cancellation: str, named: str) -> None:
        super().__init__(
            f"The request is about the export of {named}, but this is {cancellation}.",
            remedy=Remedy.of(RemedyKind.NAME_CASE, expected=cancellation),
            cancellation=cancellation,
            named=named,
        )


class ExportErased(Refusal):
    """A request about an export that was erased."""

    code = "export_erased"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"The export of {cancellation} has been erased.",
            remedy=Remedy.of(RemedyKind.SHOW_ERASURE, cancellation=cancellation),
            cancellation=cancellation,
        )
