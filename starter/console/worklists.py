"""Worklists: the cases that wait for somebody, in the order in which a role works on them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from domain.cancellation.waiting import Awaited
from domain.principals import Role
from domain.vocabulary import FINAL_STAGES, Stage

SOON = timedelta(days=7)


@dataclass(frozen=True)
class Worklist:
    """A list of cases by what they wait for."""

    name: str
    """The last part of its address."""
    title: str
    meaning: str
    waits_for: Awaited | None = None
    open_system_tasks: bool = False
    stages: Collection[Stage] = ()
    due_within: timedelta | None = None
    """The time from now in which the stage of each ends by itself, or has ended already; any, if not set."""
    first_for: Collection[Role] = ()
    """The roles that work on it before anything else."""

    def filters(self, now: datetime) -> Mapping[str, Any]:
        """Return its conditions as the list of cancellations takes them."""
        found: dict[str, Any] = {
            "waits_for": self.waits_for,
            "stages": self.stages,
            "open_system_tasks": self.open_system_tasks,
        }
        if self.due_within is not None:
            found["deadline_until"] = now + self.due_within
        return found


_RUNNING = tuple(stage for stage in Stage if stage not in FINAL_STAGES)
WORKLISTS: Sequence[Worklist] = (
    Worklist(
        "approval",
        "Waits for approval",
        "Goodwill that a second person decides on.",
        waits_for=Awaited.APPROVAL,
        first_for=(Role.SUPERVISOR, Role.ADMIN),
    ),
    Worklist(
        "credit-memos",
        "Waits for credit memos",
        "Lines that are billed beyond their end.",
        waits_for=Awaited.BILLING,
        first_for=(Role.BILLING,),
    ),
    Worklist(
        "it-department",
        "Waits for the IT department",
        "Migrations on premises that are under way, and whose turn it is.",
        waits_for=Awaited.MIGRATION,
        first_for=(Role.MIGRATION_TEAM,),
    ),
    Worklist(
        "consent",
        "Waits for consent",
        "Campaigns of a marketing service that belongs to somebody else.",
        waits_for=Awaited.CONSENT,
        first_for=(Role.MARKETING_ADMIN,),
    ),
    Worklist(
        "customer",
        "Waits for the customer",
        "Checklists that are not complete, or not verified.",
        waits_for=Awaited.CUSTOMER,
        first_for=(Role.SUPPORT_AGENT,),
    ),
    Worklist(
        "overdue",
        "Overdue",
        "Cases whose stage should have ended by itself, and has not.",
        stages=_RUNNING,
        due_within=timedelta(0),
        first_for=(Role.OPERATOR,),
    ),
    Worklist(
        "due-soon", "Due within a week", "Cases whose stage ends by itself soon.", stages=_RUNNING, due_within=SOON
    ),
    Worklist("export", "Waits for the export", "Exports that are made or to be fetched.", waits_for=Awaited.EXPORT),
    Worklist(
        "systems",
        "Waits for other systems",
        "Registered systems that have not confirmed what they were asked for.",
        open_system_tasks=True,
    ),
    Worklist("reversible", "Can be reversed", "Cases within their reversal window.", stages=(Stage.CANCELED,)),
    Worklist("running", "All running", "Every case that has not ended.", stages=_RUNNING),
    Worklist("all", "All cases", "Running and ended.", first_for=(Role.AUDITOR,)),
)


def worklists_of(roles: Collection[Role]) -> Sequence[Worklist]:
    """Return the worklists, those first that somebody with some roles works on."""
    return sorted(WORKLISTS, key=lambda one: not set(one.first_for) & set(roles))


def worklist(name: str) -> Worklist | None:
    """Return the worklist with a name."""
    return next((one for one in WORKLISTS if one.name == name), None)
