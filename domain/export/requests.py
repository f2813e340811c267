"""Exports of an organization's data: what may be asked of one (rules, section 10)."""

from domain.refusals import Refusal


class NoExport(Refusal):
    """Something is asked of an export that does not exist."""

    code = "no_export"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"Cancellation {cancellation} has no finished export.",
            way_out="See how far it is: offramp export show. An export is made where the checklist says data=export.",
            cancellation=cancellation,
        )


class ExportFilesMissing(Refusal):
    """Files of a finished export are not in the object store, or not as they were written."""

    code = "export_files_missing"

    def __init__(self, cancellation: str, prefix: str) -> None:
        super().__init__(
            f"The export of {cancellation} is finished, but its files under {prefix} are not all in the object store.",
            way_out="Do not acknowledge it: nothing is erased before. Bring the files back from a backup of the bucket or its "
            "former versions, and find out who removed them.",
            cancellation=cancellation,
            prefix=prefix,
        )


class ExportOfAnotherCase(Refusal):
    """An acknowledgement, or the wish for a link, that names another case than the one it was sent to."""

    code = "export_of_another_case"

    def __init__(self, cancellation: str, named: str) -> None:
        super().__init__(
            f"The request is about the export of {named}, but this is {cancellation}.",
            way_out=f"Name {cancellation}, or send the request to the cancellation it is about.",
            cancellation=cancellation,
            named=named,
        )


class ExportErased(Refusal):
    """Something is asked of an export that was erased."""

    code = "export_erased"

    def __init__(self, cancellation: str) -> None:
        super().__init__(
            f"The export of {cancellation} is erased.",
            way_out="Nothing can be downloaded any more; `offramp export show` says when it was erased.",
            cancellation=cancellation,
        )
