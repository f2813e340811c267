"""A world to cancel subscriptions in: real database, real Temporal, real worker, a real mailbox; time is the test's.

Every test has subscriptions that nobody else uses; the tests that stop a part of the world have a world of their own.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, Self
from uuid import uuid4

import httpx
from aiosmtpd.controller import Controller
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment

from activities.messaging.links import Links, LinkSettings
from activities.messaging.mail import MailSettings
from activities.messaging.webhooks import WebhookSettings
from activities.migration.pg_dump import DumpSettings
from contract import (
    REQUEST_REVERSAL,
    Attestation,
    CancellationStatus,
    RequestReversal,
    StartCancellation,
    cancellation_workflow_id,
)
from domain.cancellation.identity import Identity
from domain.civil_time import day_of
from domain.refusals import Refusal, RefusalDetails
from domain.vocabulary import Stage
from runtime.refusals import as_refusal
from starter.local import HOST
from starter.service import Offramp
from storage.database import create_database_engine
from storage.objects import Objects
from storage.tables import (
    AuditRow,
    BillingDocumentRow,
    CampaignActivityRow,
    CampaignRow,
    CancellationRow,
    MarketingServiceRow,
    OrganizationRow,
    PlannedLineRow,
    PolicyRow,
    SubscriptionLineRow,
    SubscriptionRow,
    Table,
)
from storage.tenants.catalog import tables_of
from storage.tenants.database import TenantDatabase
from storage.tenants.sample import generate
from tests.support.servers import free_port, pg_program
from worker import create_worker

AGENT = "agent-7"
SECOND_PERSON = "manager-2"
ADMINISTRATOR = "ada@contoso.example"
MARKETING_OWNER = "mia@ads.example"


class Mailbox:
    """An SMTP server that keeps what it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._controller: Any = None
        self._port = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd calls it so
        """Take a mail."""
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def of(self, subscription: str) -> list[EmailMessage]:
        """What was mailed about a subscription: every Message-ID begins with it."""
        return [mail for mail in self.mails if str(mail["Message-ID"]).startswith(f"<{subscription}/")]

    def subjects_of(self, subscription: str) -> list[str]:
        return [str(mail["Subject"]) for mail in self.of(subscription)]

    def text_of(self, mail: EmailMessage) -> str:
        body = mail.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    def __enter__(self) -> Self:
        self._port = free_port()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Answer."""
        # It starts in a thread, for which five seconds, its own limit, are too few on a busy machine.
        self._controller = Controller(self, hostname=HOST, port=self._port, ready_timeout=60)
        self._controller.start()

    def close(self) -> None:
        """Be out of reach."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    @property
    def url(self) -> str:
        return f"smtp://{HOST}:{self._port}"


@dataclass(frozen=True)
class Data:
    """Where the organizations' data is, and where copies of it go."""

    tenants: TenantDatabase
    objects: Objects

    def fill(self, schema: str, rows: int) -> None:
        """Give an organization the sample's data."""
        with self.tenants.writing() as connection:
            generate(connection, schema, rows=rows)

    def tables(self, schema: str) -> dict[str, int]:
        """The tables of a schema and how many rows each has; none, when it is gone."""
        with self.tenants.writing() as connection:
            counted = {}
            for table in tables_of(connection, schema):
                query = sql.SQL("SELECT count(*) FROM {}").format(table.source(schema))
                counted[table.name] = connection.execute(query).fetchone()[0]  # type: ignore[index]
            return counted

    def keys(self, cancellation: str) -> list[str]:
        """What lies in the object store for a cancellation."""
        return sorted(found.key for found in self.objects.list(f"cancellations/{cancellation}/"))


LINKS = Links(LinkSettings(public_url="https://offramp.example", link_secret=SecretStr("0" * 32)))
"""As the world's mails have them."""


class World:
    """Organizations and subscriptions, the service that cancels them, and a hand on the clock."""

    def __init__(
        self,
        environment: WorkflowEnvironment,
        database_url: str,
        mailbox: Mailbox,
        *,
        task_queue: str | None = None,
        data: Data | None = None,
    ) -> None:
        self.environment = environment
        self.mailbox = mailbox
        self.engine = create_database_engine(database_url)
        self.task_queue = task_queue or f"test-{uuid4()}"
        self.subscriptions: list[str] = []
        self.links = LINKS
        self.smtp_url = mailbox.url
        self.database_url = database_url
        self.data = data
        self.serve(self.task_queue)

    def serve(self, task_queue: str) -> None:
        """Reach the service where workers of this queue take up what is started."""
        objects = self.data.objects if self.data else None
        self.offramp = Offramp(self.environment.client, self.engine, objects=objects, task_queue=task_queue)
        self.service, self.marketing = self.offramp.cancellations, self.offramp.marketing

    @asynccontextmanager
    async def worker(
        self, *, client: Client | None = None, webhooks: WebhookSettings | None = None
    ) -> AsyncIterator[None]:
        """Run a worker for a while."""
        mail = MailSettings(smtp_url=SecretStr(self.smtp_url), mail_from="billing@offramp.example")
        with ExitStack() as parts:
            engine = create_database_engine(self.database_url)
            parts.callback(engine.dispose)
            executor, http = parts.enter_context(ThreadPoolExecutor(20)), parts.enter_context(httpx.Client())
            async with create_worker(
                client or self.environment.client,
                engine,
                executor,
                http,
                mail=mail,
                webhooks=webhooks or WebhookSettings(),
                tenants=self.data.tenants if self.data else None,
                objects=self.data.objects if self.data else None,
                links=LINKS,
                dump=DumpSettings(pg_dump=pg_program("pg_dump")),
                task_queue=self.task_queue,
            ):
                yield

    def subscription(
        self,
        *,
        zone: str = "Europe/Berlin",
        purpose: str = "production",
        marketing: bool = False,
        campaigns: Sequence[str] = (),
        marketing_owner: str = MARKETING_OWNER,
        platform: str = "microsoft_online_services",
        data_schema: str | None = None,
        policy: dict[str, Any] | None = None,
        data_rows: int | None = None,
        lines: Sequence[dict[str, Any]] = ({},),
    ) -> str:
        """Bring a subscription into the world, with an organization of its own; return its id.

        Without more said it has one line that can be ended at any time; its organization has data of its own if it is
        said how many rows. ``campaigns`` name those of its marketing service (`World.campaign`), each with two activities
        that run and a paused one.
        """
        key = uuid4().hex[:12]
        if data_rows is not None:
            self.the_data.fill(f"crm_{key}", data_rows)
        organization, subscription = f"ORG-{key}", f"SUB-{key}"
        with Session(self.engine) as session, session.begin():
            if policy is not None:
                session.add(PolicyRow(name=key, durations=policy))
                session.flush()
            session.add(
                OrganizationRow(
                    id=organization,
                    url=f"https://{key}.crm.example",
                    unique_name=f"contoso-{key}",
                    time_zone=zone,
                    platform=platform,
                    purpose=purpose,
                    billing_administrator=ADMINISTRATOR,
                    policy=key if policy is not None else "standard",
                    data_schema=f"crm_{key}" if data_rows is not None else data_schema,
                )
            )
            session.flush()
            if marketing or campaigns:
                session.add(MarketingServiceRow(organization=organization, billing_administrator=marketing_owner))
                session.flush()
            for name in campaigns:
                campaign = self.campaign(subscription, name)
                session.add(CampaignRow(id=campaign, organization=organization, name=f"Sale {name}"))
                session.flush()
                for number, state in enumerate(("running", "running", "paused"), start=1):
                    activity = f"{campaign}-{number}"
                    session.add(CampaignActivityRow(id=activity, campaign=campaign, name="Search", state=state))
            session.add(SubscriptionRow(id=subscription, organization=organization, description="Sales, 25 seats"))
            session.flush()
            for number, line in enumerate(lines, start=1):
                values: dict[str, Any] = {
                    "id": f"{subscription}-{number}",
                    "subscription": subscription,
                    "partner": "customer",
                    "start_date": date(2020, 1, 1),
                    "billing_rhythm": "1M",
                    **line,
                }
                session.add(SubscriptionLineRow(**values))
        self.subscriptions.append(subscription)
        return subscription

    @property
    def the_data(self) -> Data:
        """Where the organizations' data is, in a world that has any."""
        assert self.data is not None, "ask for data_world"
        return self.data

    def organization(self, subscription: str) -> str:
        """The organization of a subscription."""
        return f"ORG-{subscription.removeprefix('SUB-')}"

    def campaign(self, subscription: str, name: str) -> str:
        """A campaign of the subscription's organization."""
        return f"CMP-{subscription.removeprefix('SUB-')}-{name}"

    def activities(self, subscription: str) -> dict[str, str]:
        """The state of every activity of the organization, by campaign's name and number (``A-1``)."""
        prefix = self.campaign(subscription, "")
        with Session(self.engine) as session:
            rows = session.scalars(select(CampaignActivityRow).where(CampaignActivityRow.id.startswith(prefix)))
            return {row.id.removeprefix(prefix): row.state for row in rows}

    def second_subscription(self, subscription: str) -> str:
        """Another subscription of the same organization, with a line that can be ended at any time; return its id."""
        second = f"{subscription}-B"
        with Session(self.engine) as session, session.begin():
            organization = session.get_one(SubscriptionRow, subscription).organization
            session.add(SubscriptionRow(id=second, organization=organization, description="Service, 5 seats"))
            session.flush()
            session.add(
                SubscriptionLineRow(
                    id=f"{second}-1",
                    subscription=second,
                    partner="customer",
                    start_date=date(2020, 1, 1),
                    billing_rhythm="1M",
                )
            )
        self.subscriptions.append(second)
        return second

    def identity(self, subscription: str) -> Identity:
        """What the organization's billing administrator knows."""
        key = subscription.removeprefix("SUB-")
        return Identity(
            billing_administrator=ADMINISTRATOR,
            organization_url=f"https://{key}.crm.example",
            organization_name=f"contoso-{key}",
        )

    def answers(self, subscription: str, *, terminate_on: date | None = None, **others: str) -> dict[str, str]:
        """Every answer of the checklist: terminate today, keep nothing."""
        answers = {**self.identity(subscription).model_dump(), "data": "none", **others}
        return {**answers, "termination_date": (terminate_on or self.today(subscription)).isoformat()}

    async def start(self, subscription: str, *, complete: bool = True, **fields: Any) -> CancellationStatus:
        """Start a cancellation whose clock only the test moves; with everything answered and attested, if complete."""
        if complete:
            fields.setdefault("answers", self.answers(subscription))
            fields.setdefault("attestation", Attestation(reason="called back on the number on file"))
        fields.setdefault("actor", AGENT)
        with self.environment.with_time_skipping_disabled():
            return await self.service.start(StartCancellation(subscription=subscription, **fields))

    def handle(self, subscription: str) -> WorkflowHandle[Any, Any]:
        """The workflow that carries the subscription's cancellation."""
        return self.environment.client.get_workflow_handle(cancellation_workflow_id(subscription))

    async def update(self, subscription: str, name: str, *messages: Any, id: str | None = None) -> CancellationStatus:  # noqa: A002
        """Send an update as a foreign system does: whatever the message is."""
        answer: CancellationStatus = await self.handle(subscription).execute_update(
            name, args=messages, id=id or str(uuid4()), result_type=CancellationStatus
        )
        return answer

    async def request_reversal(self, subscription: str, **fields: Any) -> CancellationStatus:
        """Ask for the reversal at this moment on the cancellation's clock."""
        message = RequestReversal(actor=AGENT, identity=self.identity(subscription), **fields)
        return await self.update(subscription, REQUEST_REVERSAL, message)

    async def signal_reversal(self, subscription: str, **fields: Any) -> None:
        """The same, fired and forgotten."""
        message = RequestReversal(actor=AGENT, identity=self.identity(subscription), **fields)
        await self.handle(subscription).signal(REQUEST_REVERSAL, message)

    async def arrived(self, workflow: WorkflowHandle[Any, Any], update_id: str) -> None:
        """Wait until the server has an update that no worker takes on yet: what is sent from now on comes after it."""
        execution = WorkflowExecution(workflow_id=workflow.id)
        asked = PollWorkflowExecutionUpdateRequest(
            namespace=self.environment.client.namespace,
            update_ref=UpdateRef(workflow_execution=execution, update_id=update_id),
        )

        async def is_there() -> bool:
            try:
                await self.environment.client.workflow_service.poll_workflow_execution_update(asked)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                return False
            return True

        await eventually(is_there)

    async def now(self, subscription: str) -> datetime:
        """The time on the clock of the cancellation."""
        return await self.environment.get_current_time(self.handle(subscription))

    async def pass_time(self, subscription: str, duration: timedelta) -> None:
        """Let time pass for one cancellation; everything due meanwhile happens."""
        await self.environment.fast_forward(self.handle(subscription), duration)

    async def pass_until(self, subscription: str, instant: datetime) -> None:
        """Let time pass until an instant on the cancellation's clock."""
        await self.pass_time(subscription, instant - await self.now(subscription))

    async def stage(self, subscription: str) -> Stage:
        """Where the cancellation stands."""
        return (await self.service.status(subscription)).stage

    def today(self, subscription: str) -> date:
        """The civil date in the organization's zone before any time was passed."""
        with Session(self.engine) as session:
            organization = session.get_one(SubscriptionRow, subscription).organization
            return day_of(datetime.now(UTC), session.get_one(OrganizationRow, organization).time_zone)

    def line(self, subscription: str, number: int = 1) -> SubscriptionLineRow:
        """One line as it is in the database now."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get_one(SubscriptionLineRow, f"{subscription}-{number}")

    def case(self, subscription: str) -> CancellationRow:
        """The newest cancellation as it is in the database now."""
        with Session(self.engine, expire_on_commit=False) as session:
            found = session.scalars(
                select(CancellationRow)
                .where(CancellationRow.subscription == subscription)
                .order_by(CancellationRow.ordinal.desc())
            ).first()
            assert found is not None
            return found

    def access(self, subscription: str) -> str:
        """Whether the subscription can be used: on or off."""
        with Session(self.engine) as session:
            return session.get_one(SubscriptionRow, subscription).access

    def actions(self, subscription: str) -> list[str]:
        """What the audit trail says was done, in order."""
        with Session(self.engine) as session:
            return list(
                session.scalars(
                    select(AuditRow.action).where(AuditRow.subscription == subscription).order_by(AuditRow.id)
                )
            )

    def refusals(self, subscription: str) -> list[tuple[str, str]]:
        """What the audit trail says was refused, in order: action and code."""
        with Session(self.engine) as session:
            rows = session.scalars(
                select(AuditRow)
                .where(AuditRow.subscription == subscription, AuditRow.action.endswith(".refused"))
                .order_by(AuditRow.id)
            )
            return [(row.action, (row.after or {})["code"]) for row in rows]

    def audit(self, subscription: str, action: str) -> AuditRow:
        """The only row of the audit trail with this action."""
        with Session(self.engine, expire_on_commit=False) as session:
            return session.scalars(
                select(AuditRow).where(AuditRow.subscription == subscription, AuditRow.action == action)
            ).one()

    def dump(self) -> dict[str, list[str]]:
        """Everything in the database, table by table."""
        with self.engine.connect() as connection:
            return {
                table.name: list(connection.scalars(text(f"SELECT t::text FROM {table.name} t ORDER BY 1")))  # noqa: S608
                for table in Table.metadata.sorted_tables
            }

    def codes(self, subscription: str) -> list[str]:
        """The one-time codes that were mailed, oldest first."""
        found = (re.search(r"\b\d{6}\b", self.mailbox.text_of(mail)) for mail in self.mailbox.of(subscription)
                 if "/code-" in str(mail["Message-ID"]))  # fmt: skip
        return [match[0] for match in found if match]

    def invoice(self, subscription: str, number: str, start: date, end: date, *, line: int = 1) -> None:
        """Bill a line for a period, as an invoice run does."""
        with Session(self.engine) as session, session.begin():
            line_id = f"{subscription}-{line}"
            session.add(
                BillingDocumentRow(
                    number=number, kind="invoice", subscription_line=line_id, period_start=start, period_end=end
                )
            )
            session.get_one(SubscriptionLineRow, line_id).next_billing_date = end + timedelta(days=1)

    def plan(self, subscription: str, *, line: int = 1) -> str:
        """Plan a renewal of a line; return its id."""
        plan = f"{subscription}-plan"
        with Session(self.engine) as session, session.begin():
            session.add(
                PlannedLineRow(
                    id=plan,
                    subscription_line=f"{subscription}-{line}",
                    kind="renewal",
                    effective_on=date(2030, 1, 1),
                    terms={"billing_rhythm": "1Y"},
                )
            )
        return plan


async def refused(asked: Awaitable[object]) -> RefusalDetails:
    """Await what must be refused, through the client or straight through Temporal; return the refusal."""
    refusal: RefusalDetails | None = None
    try:
        await asked
    except Refusal as raised:
        refusal = raised.details
    except (WorkflowUpdateFailedError, WorkflowFailureError) as failure:
        refusal = as_refusal(failure.cause)
    assert refusal is not None, "that should have been refused with a code"
    return refusal


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 60) -> None:
    """Wait for what happens outside the workflow's clock, looking again and again.

    It waits longer than the service's own time-outs, after which a step, a task or a delivery is done anew: 5, 10 and 30
    seconds, of which a busy machine may need one.
    """
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - there is nothing to be notified by
            await asyncio.sleep(0.02)
