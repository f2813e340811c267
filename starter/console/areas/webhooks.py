"""The webhook endpoints: their state, what each is owed, and what each was sent."""

from collections.abc import Sequence
from typing import get_args
from urllib.parse import urlencode

from domain.permissions import Operation
from domain.webhooks import Endpoint, EndpointState
from records.webhooks.messages import Delivery
from starter.console.actions import webhooks as actions
from starter.console.areas.area import Area, Look, View
from starter.console.content import Cell, Facts, Links, Section, Table, instant, number, plain, words
from starter.console.paths import case_path
from starter.service.webhooks import DeliveryState
from starter.web.refusals import NothingThere

PATH = "/webhooks"
PAGE = 50
_STATES: Sequence[DeliveryState] = get_args(DeliveryState)


async def view(look: Look) -> View:
    """Return the endpoints, or one of them with what it was sent. Raises EndpointUnknown."""
    await look.permit(Operation.LIST_WEBHOOKS, Operation.LIST_DELIVERIES)
    endpoints = await look.service.webhooks.list()
    if look.about:
        found = next((one for one in endpoints if one.name == look.about), None)
        return await _of_endpoint(look, found)
    columns = ("Endpoint", "State", "Hears of", "Does", "Owed", "Takes nothing since", "URL")
    rows = [_row(one) for one in endpoints]
    table = Table("Webhook endpoints", columns, rows, "There is no endpoint: nothing is notified.", numbers=("Owed",))
    return View(
        "Webhooks",
        "The systems that hear of what happens.",
        [Section("endpoints", "Endpoints", [table])],
        [actions.add_offer()],
    )


def _row(endpoint: Endpoint) -> tuple[Cell, ...]:
    return (
        Cell(endpoint.name, href=f"{PATH}/{endpoint.name}"),
        words(endpoint.state, is_bad=endpoint.state is EndpointState.PAUSED),
        plain(", ".join(endpoint.events) or "everything"),
        plain(", ".join(endpoint.duties)),
        number(endpoint.pending),
        instant(endpoint.failing_since),
        plain(endpoint.url or "of the configuration"),
    )


async def _of_endpoint(look: Look, endpoint: Endpoint | None) -> View:
    state = look.query.get("state", "")
    states = [one for one in _STATES if one == state]
    after = look.query.get("after", "")
    if endpoint is None or (after and not (after.isascii() and after.isdecimal() and len(after) < 19)):
        raise NothingThere
    page = await look.service.webhooks.deliveries(
        endpoint.name, states=states, after=int(after) if after else None, limit=PAGE
    )
    here = f"{PATH}/{endpoint.name}"
    conditions = [
        ("All", here, not states),
        *((one.capitalize(), f"{here}?state={one}", one in states) for one in _STATES),
    ]
    pages = [("Newest", f"{here}?state={state}" if states else here, False)] if after else []
    if page.next is not None:
        pages.append(
            ("Older", f"{here}?{urlencode({**({'state': state} if states else {}), 'after': page.next})}", False)
        )
    columns = ("Event", "Case", "State", "Made", "Attempts", "Last attempt", "Answer", "Message: send it again")
    rows = [_delivery(one, here) for one in page.deliveries]
    table = Table("Deliveries", columns, rows, "No message here.", numbers=("Attempts",))
    return View(
        f"Webhook endpoint {endpoint.name}",
        endpoint.url or "The endpoint that the configuration gives.",
        [
            Section("endpoint", "Now", [Facts(_facts(endpoint))]),
            Section(
                "deliveries",
                "Deliveries",
                [Links("State", conditions), table, *([Links("Pages", pages)] if pages else [])],
            ),
        ],
        list(actions.offers(endpoint, again=look.query.get("again", "")[:500])),
        goes_on=endpoint.pending > 0 and endpoint.state is EndpointState.ACTIVE,
    )


def _facts(endpoint: Endpoint) -> list[tuple[str, Cell]]:
    rows = [
        ("State", words(endpoint.state, is_bad=endpoint.state is EndpointState.PAUSED)),
        ("Hears of", plain(", ".join(endpoint.events) or "everything")),
        ("Does", plain(", ".join(endpoint.duties))),
        ("Owner", plain(endpoint.owner)),
        ("Owed", number(endpoint.pending)),
        ("Added", plain(f"{instant(endpoint.created_at).text} by {endpoint.created_by}")),
    ]
    if endpoint.put_off_since is not None:
        rows.append(("Put off", number(endpoint.put_off)))
        rows.append(("Put off since", instant(endpoint.put_off_since)))
    if endpoint.paused_at is not None:
        who = f"{instant(endpoint.paused_at).text} by {endpoint.paused_by}: {endpoint.paused_because}"
        rows.append(("Paused", plain(who, is_bad=True)))
    if endpoint.failing_since is not None:
        rows.append(("Takes nothing since", instant(endpoint.failing_since)))
        rows.append(("Last failure", plain(endpoint.last_failure, is_bad=True)))
    return rows


def _delivery(one: Delivery, here: str) -> tuple[Cell, ...]:
    answer = one.failure or one.last_status
    return (
        plain(one.event),
        Cell(one.cancellation, href=case_path(one.cancellation)) if one.cancellation else plain(None),
        words(one.state, is_bad=one.state == "failed"),
        instant(one.created_at),
        number(one.attempts),
        instant(one.last_attempt_at),
        plain(answer, is_bad=one.failure is not None),
        Cell(one.message, href=f"{here}?{urlencode({'again': one.message})}#do-webhooks-resend"),
    )


AREA = Area(PATH, "Webhooks", (Operation.LIST_WEBHOOKS,), view)
