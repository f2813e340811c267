"""Every operation of the facade against the console: a form, a page that shows it, or the reason why it has neither."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from domain.permissions import Operation
from domain.principals import Role
from starter.console.actions.table import ACTIONS
from starter.service import Offramp
from tests.starter.console.areas import bulk_of, endpoint_of, reconciliation_of
from tests.starter.console.browsing import read
from tests.starter.console.conftest import Browsers
from tests.support.single_lines import cancel
from tests.support.world import World

_O = Operation
SHOWN: Mapping[str, frozenset[Operation]] = {
    "/worklists/all": frozenset({_O.LIST_CANCELLATIONS}),
    "/cases/{case}": frozenset(
        {
            *(_O.SHOW_CANCELLATION, _O.LIST_CANCELLATIONS, _O.SHOW_HISTORY, _O.LIST_MESSAGES, _O.LIST_LINES),
            *(_O.GET_MIGRATION, _O.LIST_HOLDS),
        }
    ),
    "/lines/{line}": frozenset({_O.SHOW_LINE_CANCELLATION}),
    "/quote?subscription={subscription}": frozenset({_O.QUOTE_CANCELLATION, _O.LIST_LINES}),
    "/quote?line={line}": frozenset({_O.QUOTE_LINE}),
    "/marketing?organization={organization}": frozenset({_O.SHOW_MARKETING_CANCELLATION}),
    "/nights": frozenset({_O.LIST_RUNS, _O.SHOW_SCHEDULE}),
    "/reasons": frozenset({_O.REPORT_CANCELLATIONS}),
    "/bulk": frozenset({_O.LIST_BULKS, _O.SHOW_BULK_SWITCH}),
    "/bulk/{bulk}": frozenset({_O.SHOW_BULK, _O.LIST_BULK_ROWS}),
    "/webhooks": frozenset({_O.LIST_WEBHOOKS}),
    "/webhooks/{endpoint}": frozenset({_O.LIST_DELIVERIES}),
    "/limits": frozenset({_O.LIST_LIMITS}),
    "/reconciliation/{reconciliation}": frozenset({_O.SHOW_RECONCILIATION}),
    "/audit": frozenset({_O.SHOW_AUDIT_HEAD}),
    "/data": frozenset({_O.LIST_TENANTS}),
    "/data/{organization}": frozenset({_O.SHOW_TENANT_CODE}),
}
"""Pages, and the operations by which each is read."""
OF_CASES_LISTED = frozenset({_O.LIST_MIGRATIONS})
"""Read for the cases in a list that wait for a migration: `test_costs.py` says which."""
WATCHED: Mapping[str, Operation] = {
    "/worklists/all": _O.WATCH_CANCELLATIONS,
    "/cases/{case}": _O.WATCH_SUBSCRIPTION,
}
"""Pages that events keep current."""

_BY_LINK = "files are fetched by the link of a mail or by the command line: the console has no key of the object store"
_IN_STATUS = "the status of its case says it"
ELSEWHERE: Mapping[Operation, str] = {
    _O.SHOW_CONSENT: "it is for the page that a link leads to; for an agent the status of the case says it",
    _O.UPDATE_LINE_DATES: "it waits for the end of the run: the console begins the run instead",
    _O.SHOW_LINE_UPDATE: "the list of runs says how far each is",
    _O.RECONCILE: "it waits for the end: the console begins it instead",
    _O.SHOW_MIGRATION: "it is of the newest case: a page shows the migration of its own case",
    _O.SHOW_EXPORT: _IN_STATUS,
    _O.DESCRIBE_EXPORT: _IN_STATUS,
    **dict.fromkeys((_O.FETCH_EXPORT, _O.RECORD_EXPORT_FETCH, _O.FETCH_MIGRATION, _O.RECORD_MIGRATION_FETCH), _BY_LINK),
}
"""Operations that the console does not have, with the reason."""


class Spy:
    """The facade, or an area of it, with a note of what is called."""

    def __init__(self, of: Any, name: str, called: set[str]) -> None:
        self._of, self._name, self._called = of, name, called

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._of, name)
        path = f"{self._name}.{name}".lstrip(".")
        if not self._name and not isinstance(found, str | bool):
            return Spy(found, name, self._called)
        return self._noted(found, path) if callable(found) else found

    def _noted(self, method: Callable[..., Any], path: str) -> Callable[..., Any]:
        def call(*given: Any, **named: Any) -> Any:
            self._called.add(path)
            return method(*given, **named)

        return call


def test_every_operation_is_in_the_console_or_has_a_reason_not_to_be() -> None:
    shown = frozenset().union(*SHOWN.values()) | frozenset(WATCHED.values()) | OF_CASES_LISTED
    assert shown | ACTIONS.keys() | ELSEWHERE.keys() == set(Operation)
    assert not ELSEWHERE.keys() & (shown | ACTIONS.keys()), "there is no reason left for these"
    assert not shown & ACTIONS.keys()


@pytest.mark.usefixtures("no_time_passes")
async def test_every_page_reads_what_it_is_said_to_show(world: World, browsers: Browsers) -> None:
    subscription = world.subscription(lines=[{}, {}])
    alone = world.subscription(lines=[{}, {}])
    await world.start(subscription, complete=False)
    await cancel(world, f"{alone}-1")
    called: set[str] = set()
    spied: Offramp = Spy(world.offramp, "", called)  # type: ignore[assignment]
    admin = browsers(Role.ADMIN, service=spied)
    names = {
        "case": f"{subscription}/1",
        "subscription": alone,
        "line": f"{alone}-1",
        "organization": world.organization(subscription),
        "bulk": await bulk_of(world, subscription),
        "endpoint": await endpoint_of(world),
        "reconciliation": await reconciliation_of(world),
    }
    for path, operations in SHOWN.items():
        called.clear()
        answer = await admin.get(path.format(**names), follow_redirects=True)
        assert answer.status_code == 200, (path, answer.text)
        assert operations <= called, path
    for path in WATCHED:
        page = read(await admin.get(path.format(**names)))
        assert "/events" in page.one("body").attributes["data-events"]
