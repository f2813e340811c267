"""The actions on the limits across cases."""

from collections.abc import Iterator

from pydantic import PositiveInt

from domain.limits import Limited, LimitScope
from domain.permissions import Operation
from records.limit_settings import Limit
from starter.console.actions.action import Action, Asked, Offer
from starter.console.content import Facts, Shown, number, plain
from starter.console.forms import REASON, Field, choices

_O = Operation
_RELEASED = (LimitScope.ORGANIZATION, LimitScope.CALLER)


def offers() -> Iterator[Offer]:
    """Yield what can be done about the limits."""
    released = [
        Field("scope", "Of", "select", options=[(one.value, one.value) for one in _RELEASED]),
        Field("subject", "Which", help="The organization's id, or the name of the caller."),
        REASON,
    ]
    note = "What was counted until now counts no more. Who made the requests does not release it."
    yield Offer(_O.RELEASE_LIMIT, "Release a limit", "Release", released, note=note)
    set_ = [
        Field("limited", "What is limited", "select", options=choices(Limited)),
        Field("scope", "For one", "select", options=choices(LimitScope)),
        Field("number", "Within 24 hours", "number", required=False, help="As many as are asked for, if not set."),
        REASON,
    ]
    yield Offer(_O.SET_LIMIT, "Set a limit", "Set", set_, careful=True)


async def _set(asked: Asked) -> None:
    given = asked.given
    limit = Limit(
        limited=given.needed("limited", given.choice("limited", Limited)),
        scope=given.needed("scope", given.choice("scope", LimitScope)),
        number=given.valid("number", PositiveInt | None, given.number("number")),
    )
    await asked.service.limits.set(limit, **asked.reasoned)


async def _release(asked: Asked) -> Shown:
    given = asked.given
    scope = given.needed("scope", given.choice("scope", LimitScope))
    released = await asked.service.limits.release(scope, given.text("subject"), **asked.reasoned)
    rows = [(released.scope.capitalize(), plain(released.subject)), ("Counts no more", number(released.uses))]
    return Shown("The limit is released", [Facts(rows)])


ACTIONS = [
    Action(_O.SET_LIMIT, None, _set),
    Action(_O.RELEASE_LIMIT, None, _release, shows=True),
]
