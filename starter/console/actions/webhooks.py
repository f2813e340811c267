"""The actions on webhook endpoints."""

from collections.abc import Iterator
from datetime import UTC

from contract import WebhookTested
from domain.permissions import Operation
from domain.system_tasks import Duty
from domain.vocabulary import EmailAddress
from domain.webhooks import CONFIGURED, Endpoint, EndpointName, EndpointSecret, EndpointState, EventFilter
from starter.console.actions.action import Action, Asked, Offer
from starter.console.content import Facts, Shown, Text, code, instant, plain
from starter.console.forms import REASON, Field

_O = Operation
_DOES = {
    Duty.ACCESS: "It ends access and gives it back, and confirms it",
    Duty.ERASURE: "It erases data, and confirms it",
}


def add_offer() -> Offer:
    """Return the offer to add an endpoint."""
    fields = [
        Field("endpoint", "Name", help="Small letters, digits and hyphens; it stays taken for ever."),
        Field("url", "URL", help="https://host/path"),
        Field("events", "Events", "textarea", required=False,
              help="One to a line, or areas such as cancellation.*; all of them, if none is named."),
        *(Field(f"does_{duty}", label, "checkbox", required=False) for duty, label in _DOES.items()),
        Field("owner", "Owner", "email", required=False, help="Who is notified when it is paused by itself."),
    ]  # fmt: skip
    return Offer(_O.ADD_WEBHOOK, "Add an endpoint", "Add", fields, note="Its secret is shown once, after this.")


def offers(endpoint: Endpoint, *, again: str = "") -> Iterator[Offer]:
    """Yield what can be done about an endpoint as it is; ``again`` is a message that is to be sent again."""
    name = endpoint.name
    if endpoint.state is EndpointState.REMOVED:
        return
    yield Offer(_O.TEST_WEBHOOK, "Send a message of trial", "Send it", subject=name)
    resent = [
        Field(
            "deliveries",
            "Messages",
            "textarea",
            required=False,
            help="Their ids, one to a line.",
            is_long=True,
            value=again,
        ),
        Field("since", "Or all since", "datetime-local", required=False, help="In UTC."),
        Field("failed_only", "Only what was given up", "checkbox", required=False),
        REASON,
    ]
    yield Offer(_O.RESEND_WEBHOOKS, "Send messages again", "Send them", resent, subject=name, is_open=bool(again))
    if endpoint.state is EndpointState.PAUSED:
        note = f"It is sent what it is owed: {endpoint.pending:,} messages."
        yield Offer(_O.RESUME_WEBHOOK, "Resume the endpoint", "Resume", [REASON], subject=name, note=note)
    else:
        note = "Its messages are kept until it is resumed."
        yield Offer(_O.PAUSE_WEBHOOK, "Pause the endpoint", "Pause", [REASON], subject=name, note=note)
    if name != CONFIGURED:
        note = "The one before signs as well for a day. The new one is shown once, after this."
        yield Offer(_O.ROTATE_WEBHOOK, "Give it another secret", "Rotate", subject=name, note=note)
        yield Offer(_O.REMOVE_WEBHOOK, "Remove the endpoint", "Remove", [REASON], subject=name, careful=True)


async def _add(asked: Asked) -> Shown:
    given = asked.given
    added = await asked.service.webhooks.add(
        given.valid("endpoint", EndpointName, given.text("endpoint")),
        url=given.text("url"),
        events=given.valid("events", list[EventFilter], given.lines("events")),
        duties=[duty for duty in Duty if given.is_set(f"does_{duty}")],
        owner=given.valid("owner", EmailAddress | None, given.optional("owner")),
        **asked.once,
    )
    return _secret("Added", added)


async def _rotate(asked: Asked) -> Shown:
    return _secret("Another secret", await asked.service.webhooks.rotate(asked.subject, **asked.once))


def _secret(title: str, made: EndpointSecret) -> Shown:
    rows = [("Endpoint", plain(made.endpoint.name)), ("Secret", code(made.secret))]
    if made.previous_until is not None:
        rows.append(("The one before signs until", instant(made.previous_until)))
    return Shown(title, [Text("Keep the secret now: it is not shown again."), Facts(rows)])


async def _pause(asked: Asked) -> None:
    await asked.service.webhooks.pause(asked.subject, **asked.reasoned)


async def _resume(asked: Asked) -> None:
    await asked.service.webhooks.resume(asked.subject, **asked.reasoned)


async def _remove(asked: Asked) -> None:
    await asked.service.webhooks.remove(asked.subject, **asked.reasoned)


async def _test(asked: Asked) -> Shown:
    tested: WebhookTested = await asked.service.webhooks.test(asked.subject, **asked.once)
    rows = [
        ("Answer", plain("accepted" if tested.accepted else "not accepted", is_bad=not tested.accepted)),
        ("Status", plain(tested.status)),
        ("After", plain(f"{tested.milliseconds:,} ms")),
    ]
    if tested.failure:
        rows.append(("Failure", plain(tested.failure, is_bad=True)))
    return Shown("The endpoint's answer", [Facts(rows)])


async def _resend(asked: Asked) -> None:
    given = asked.given
    since = given.time("since")
    if since is not None and since.tzinfo is None:
        since = since.replace(tzinfo=UTC)
    await asked.service.webhooks.resend(
        asked.subject,
        deliveries=given.lines("deliveries"),
        since=since,
        failed_only=given.is_set("failed_only"),
        **asked.reasoned,
    )


ACTIONS = [
    Action(_O.ADD_WEBHOOK, None, _add, shows=True),
    Action(_O.ROTATE_WEBHOOK, None, _rotate, is_named=True, shows=True),
    Action(_O.PAUSE_WEBHOOK, None, _pause, is_named=True),
    Action(_O.RESUME_WEBHOOK, None, _resume, is_named=True),
    Action(_O.REMOVE_WEBHOOK, None, _remove, is_named=True),
    Action(_O.TEST_WEBHOOK, None, _test, is_named=True, shows=True),
    Action(_O.RESEND_WEBHOOKS, None, _resend, is_named=True),
]
