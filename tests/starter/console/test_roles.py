"""Every action with every role: what the console lets through is the table of permissions, and what it offers is no more."""

from datetime import timedelta

import pytest

from domain.permissions import ROLES, Operation, SubjectKind
from domain.principals import Principal, Role
from starter.access.settings import AccessSettings
from starter.console.actions.table import ACTIONS
from starter.console.app import create_console
from starter.console.done import DONE
from starter.console.forms import CASE, FORM_KEY, KEY, SUBJECT
from starter.service import Offramp
from tests.starter.console.browsing import fields, form_key, offered, post, read, refusal
from tests.starter.console.conftest import Browsers, settings, signed_in
from tests.support.world import World

PAGES = ("/worklists/all", "/nights", "/reasons")


@pytest.mark.parametrize("operation", list(ACTIONS))
async def test_an_action_is_let_through_for_its_roles_and_no_other(
    service_away: Offramp, access: AccessSettings, operation: Operation
) -> None:
    kind = ACTIONS[operation].kind
    subject = {} if kind is None else {SUBJECT: "1" if kind is SubjectKind.HOLD else "X-1"}
    case = (
        {SubjectKind.SUBSCRIPTION: {CASE: "X-1/1"}, SubjectKind.LINE: {CASE: "X-1/line/L-1/1"}}.get(kind, {})
        if kind
        else {}
    )
    app = create_console(service_away, settings(), access)
    for roles in ([role] for role in Role):
        async with signed_in(app, Principal(subject="anna", roles=frozenset(roles))) as browser:
            key = form_key(read(await browser.get("/quote")))
            answer = await post(browser, operation, {FORM_KEY: key, KEY: "k-1", **subject, **case})
        refused = answer.status_code == 403
        assert refused == (not set(roles) & ROLES[operation]), (operation, roles, answer.text)
        if refused:
            assert refusal(answer).one("p", class_="code").text == "role_missing"
        else:  # what it says is wrong, or a part is away: no fault of the console
            assert answer.status_code in (409, 422, 503), (operation, roles, answer.text)


def test_every_action_has_its_words() -> None:
    assert {operation for operation, action in ACTIONS.items() if not action.shows} == DONE.keys()
    assert all(set(Role) & ROLES[operation] for operation in ACTIONS)


@pytest.mark.usefixtures("no_time_passes")
async def test_a_page_offers_each_role_what_the_table_permits_of_what_the_case_admits(
    world: World, browsers: Browsers
) -> None:
    intake, waiting = world.subscription(), world.subscription()
    today = world.today(waiting)
    world.invoice(waiting, f"INV-{waiting}", today - timedelta(days=10), today + timedelta(days=300))
    await world.start(intake, complete=False)
    await world.start(waiting, answers=world.answers(waiting, terminate_on=today + timedelta(days=9)))
    await world.offramp.holds.place(world.organization(waiting), reason="a dispute", actor="legal-1")
    admitted = {
        f"/cases/{intake}/1": {
            "cancellations.answer", "cancellations.send_code", "cancellations.verify_code", "cancellations.attest",
            "cancellations.correct", "cancellations.withdraw", "holds.place",
        },
        f"/cases/{waiting}/1": {
            "cancellations.correct", "cancellations.withdraw", "cancellations.post_credit_memo", "holds.place",
            "holds.release",
        },
        f"/quote?subscription={world.subscription()}": {"cancellations.start"},
    }  # fmt: skip
    for path, possible in admitted.items():
        assert offered(read(await browsers(Role.ADMIN).get(path))) == possible
        for role in Role:
            permitted = {name for name in possible if role in ROLES[Operation(name)]}
            assert offered(read(await browsers(role).get(path))) == permitted, (path, role)


@pytest.mark.usefixtures("no_time_passes")
async def test_what_a_page_offers_another_role_is_refused_to_who_sends_it_all_the_same(
    world: World, browsers: Browsers
) -> None:
    subscription = world.subscription()
    await world.start(subscription, complete=False)
    page = read(await browsers(Role.ADMIN).get(f"/cases/{subscription}/1"))
    before = (await world.service.history(subscription)).entries
    for role in Role:
        browser = browsers(role)
        key = form_key(read(await browser.get("/quote")))
        for operation in offered(page):
            if role not in ROLES[Operation(operation)]:
                content = fields(page, operation) | {FORM_KEY: key, "reason": "because I can", "code": "123456"}
                answer = await post(browser, operation, content)
                assert (answer.status_code, refusal(answer).one("p", class_="code").text) == (403, "role_missing")
    assert (await world.service.history(subscription)).entries == before


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
async def test_every_role_has_its_own_list_first_and_every_page(world: World, browsers: Browsers, role: Role) -> None:
    browser = browsers(role)
    first = {
        Role.SUPPORT_AGENT: "customer",
        Role.SUPERVISOR: "approval",
        Role.BILLING: "credit-memos",
        Role.MIGRATION_TEAM: "it-department",
        Role.MARKETING_ADMIN: "consent",
        Role.AUDITOR: "all",
        Role.OPERATOR: "overdue",
        Role.ADMIN: "approval",
    }
    answer = await browser.get("/")
    assert answer.headers["location"] == f"/worklists/{first[role]}"
    lists = [
        link.attributes["href"]
        for link in read(await browser.get(answer.headers["location"])).one("nav", class_="lists").all("a")
    ]
    for path in (*lists, *PAGES, "/quote", "/marketing"):
        assert (await browser.get(path)).status_code == 200, path


async def test_who_has_no_role_sees_nothing(world: World, browsers: Browsers) -> None:
    nobody = browsers()
    for path in PAGES:
        answer = await nobody.get(path)
        assert (answer.status_code, refusal(answer).one("p", class_="code").text) == (403, "role_missing")


async def test_who_is_limited_to_organizations_sees_their_cases_alone(world: World, browsers: Browsers) -> None:
    mine, others = world.subscription(), world.subscription()
    for subscription in (mine, others):
        await world.start(subscription, complete=False)
    limited = browsers(Role.SUPPORT_AGENT, organizations=[world.organization(mine)])

    cases = read(await limited.get("/worklists/customer")).one("div", id="cases").text
    assert f"{mine}/1" in cases
    assert f"{others}/1" not in cases
    assert (await limited.get("/nights")).status_code == 403
    assert (await limited.get(f"/worklists/all?organization={world.organization(others)}")).status_code == 403


async def test_a_system_is_no_person_and_sees_no_list(browsers: Browsers) -> None:
    answer = await browsers(Role.SYSTEM).get("/worklists/all")
    assert (answer.status_code, refusal(answer).one("p", class_="code").text) == (403, "role_missing")
