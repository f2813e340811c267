"""Refusals that every web server of the service may give."""

from domain.refusals import Refusal
from domain.remedies import Remedy, RemedyKind


class NothingThere(Refusal):
    """An address that leads nowhere, or to something that this server does not have."""

    code = "nothing_there"

    def __init__(self) -> None:
        super().__init__("There is nothing under this address.", remedy=Remedy.of(RemedyKind.GO_BACK))
