"""Ids, names and reasons on the command line; a malformed one is a wrong call, refused before any work."""

from collections.abc import Callable, Sequence
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from domain.clean_text import why_unclean
from domain.marketing import CampaignAction
from domain.requests import RequestIdReserved, refuse_reserved
from domain.vocabulary import Actor, CancellationId, CaseId, EmailAddress, Identifier, LineCancellationId, Reason


def _reader(form: Any, rule: str) -> Callable[[str], str]:
    adapter: TypeAdapter[str] = TypeAdapter(form)

    def read(text: str) -> str:
        try:
            value = adapter.validate_python(text)
        except ValidationError:
            raise typer.BadParameter(f"{text!r} is not possible: {rule}.") from None
        if (why := why_unclean(value, lines=form is Reason)) is not None:
            raise typer.BadParameter(f"{text!r} is not possible: it has {why}.")
        return value

    return read


identifier = _reader(
    Identifier, "an id has 1 to 63 letters, digits, dots, dashes or underscores, first a letter or digit"
)
cancellation = _reader(
    CancellationId, "write the subscription's id and the number of its cancellation, as in SUB-1001/1"
)
line_cancellation = _reader(
    LineCancellationId, "write the id of the cancellation of a line, as in SUB-1001/line/LINE-7/1"
)
case = _reader(CaseId, "write the id of a cancellation, as in SUB-1001/1 or SUB-1001/line/LINE-7/1")
actor = _reader(Actor, "1 to 100 characters and no e-mail address; name another with --actor or OFFRAMP_ACTOR")
reason = _reader(Reason, "3 to 1000 characters that say why")
email = _reader(EmailAddress, "write an e-mail address, such as it@example.com")


def request_id(text: str) -> str:
    """Read the id of a request: any but one of those that the service gives to its own."""
    try:
        refuse_reserved(text)
    except RequestIdReserved as refusal:
        raise typer.BadParameter(f"{refusal.message} {refusal.details.way_out}") from None
    return text


def campaign_actions(given: Sequence[str] | None) -> dict[str, CampaignAction]:
    """Read ``CAMPAIGN=pause`` and ``CAMPAIGN=delete``, each campaign once."""
    actions: dict[str, CampaignAction] = {}
    for text in given or ():
        campaign, _, action = text.partition("=")
        if action not in list(CampaignAction) or campaign in actions:
            rule = "write CAMPAIGN=pause or CAMPAIGN=delete, each campaign once"
            raise typer.BadParameter(f"{text!r} is not possible: {rule}.")
        actions[identifier(campaign)] = CampaignAction(action)
    return actions
