"""The reader of an import document: all its problems at once, by path, and every usable entry.

Entries are read one by one, so that a bad entry does not hide the problems of the others; ids are taken even from
entries that cannot be read, so that a mistake is reported once and not again by everything that refers to it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Literal, TypeVar

from pydantic import ValidationError

from domain.cancellation.identity import canonical_url
from domain.imports import id_refusals, refusals
from domain.imports.document import (
    ImportedContract,
    ImportedInvoice,
    ImportedLine,
    ImportedOrganization,
    ImportedPolicy,
    ImportedQueue,
    ImportedSubscription,
)
from domain.imports.json_text import parse_json
from domain.imports.problems import joined, refusal_of, repeated, step, unstorable
from domain.imports.refusals import MOST_PROBLEMS, ImportMalformed, Problem, Problems
from domain.refusals import Refusal
from domain.validation import listed_errors
from domain.vocabulary import is_identifier

T = TypeVar("T")
Kind = Literal[
    "policy",
    "queue",
    "organization",
    "campaign",
    "activity",
    "contract",
    "subscription",
    "line",
    "planned_line",
    "invoice",
]

SECTIONS = ("policies", "queues", "organizations", "contracts", "subscriptions", "invoices")

_UNKNOWN: dict[Kind, type[id_refusals.ReferenceUnknown]] = {
    "policy": id_refusals.PolicyUnknown,
    "organization": id_refusals.OrganizationUnknown,
    "contract": id_refusals.ContractUnknown,
    "line": id_refusals.LineUnknown,
}


@dataclass(frozen=True, slots=True)
class Placed(Generic[T]):
    """An entry and its path."""

    path: str
    entry: T


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to something that is not in the document; it may be in the database."""

    path: str
    kind: Kind
    value: str

    @property
    def refusal(self) -> Refusal:
        """The refusal if the database does not have it either."""
        return _UNKNOWN[self.kind](self.value)


@dataclass
class ImportDocument:
    """The result of reading a document."""

    problems: Problems = field(default_factory=Problems)
    references: list[Reference] = field(default_factory=list)
    policies: list[Placed[tuple[str, ImportedPolicy]]] = field(default_factory=list)
    queues: list[Placed[ImportedQueue]] = field(default_factory=list)
    organizations: list[Placed[ImportedOrganization]] = field(default_factory=list)
    contracts: list[Placed[ImportedContract]] = field(default_factory=list)
    subscriptions: list[Placed[ImportedSubscription]] = field(default_factory=list)
    lines: list[Placed[tuple[str, ImportedLine]]] = field(default_factory=list)
    """Each line with the id of its subscription."""
    invoices: list[Placed[ImportedInvoice]] = field(default_factory=list)


def read_document(content: bytes) -> ImportDocument:
    """Read a document; its problems are in ``problems``.

    Raises:
        ImportMalformed: it is not JSON at all, or has texts that cannot be stored.

    """
    raw = parse_json(content)
    document = _Reader().read(raw)
    if found := list(
        islice(unstorable(raw, ""), MOST_PROBLEMS)
    ):  # the database could not even be asked for what is there
        reported = {problem.path for problem in document.problems}
        raise ImportMalformed([*document.problems, *(one for one in found if one.path not in reported)])
    return document


class _Reader:
    def __init__(self) -> None:
        self.document = ImportDocument()
        self.first: dict[tuple[str, object], str] = {}

    def read(self, raw: object) -> ImportDocument:
        if not isinstance(raw, dict):
            self._problem("", refusals.FieldMalformed("The document is not an object"))
            return self.document
        self.document.problems.extend(repeated(raw, ""))
        for name in raw:
            if name not in SECTIONS:
                self._problem(step("", name), refusals.FieldUnknown(name, SECTIONS))
        self._policies(raw.get("policies"))
        self._queues(raw.get("queues"))
        self._organizations(raw.get("organizations"))
        for path, item in self._items(raw.get("contracts"), "contracts"):
            self._only("contract", item.get("number"), f"{path}.number", id_refusals.DuplicateId)
            if (contract := self._entry(ImportedContract.model_validate, item, path, ImportedContract)) is not None:
                self.document.contracts.append(Placed(path, contract))
        self._subscriptions(raw.get("subscriptions"))
        for path, item in self._items(raw.get("invoices"), "invoices"):
            self._only("invoice", item.get("number"), f"{path}.number", id_refusals.DuplicateId)
            self._refers(path, item, "line", "line")
            if (invoice := self._entry(ImportedInvoice.model_validate, item, path, ImportedInvoice)) is not None:
                if invoice.period_end < invoice.period_start:
                    reversed_period = refusals.PeriodReversed(invoice.period_start, invoice.period_end)
                    self._problem(f"{path}.period_end", reversed_period)
                self.document.invoices.append(Placed(path, invoice))
        return self.document

    def _policies(self, raw: object) -> None:
        if raw is None:
            return
        if not isinstance(raw, dict):
            self._problem(
                "policies", refusals.FieldMalformed("Policies are an object: durations and reasons for leaving by name")
            )
            return
        for name, durations in raw.items():
            path = step("policies", name)
            self.first["policy", name] = path
            if not is_identifier(name):
                self._problem(path, refusals.IdentifierMalformed())
            policy = self._entry(ImportedPolicy.model_validate, durations, path, ImportedPolicy)
            if policy is not None:
                self.document.policies.append(Placed(path, (name, policy)))

    def _queues(self, raw: object) -> None:
        for path, item in self._items(raw, "queues"):
            self._only("queue", item.get("name"), f"{path}.name", id_refusals.DuplicateId)
            if (queue := self._entry(ImportedQueue.model_validate, item, path, ImportedQueue)) is not None:
                self.document.queues.append(Placed(path, queue))

    def _organizations(self, raw: object) -> None:
        for path, item in self._items(raw, "organizations"):
            self._only("organization", item.get("id"), f"{path}.id", id_refusals.DuplicateId)
            self._refers(path, item, "policy", "policy", default="standard")
            organization = self._entry(ImportedOrganization.model_validate, item, path, ImportedOrganization)
            if organization is None:
                continue
            url, name = organization.url, organization.unique_name
            self._only("url", url, f"{path}.url", id_refusals.DuplicateUrl, key=canonical_url(url))
            self._only("name", name, f"{path}.unique_name", id_refusals.DuplicateUniqueName, key=name.casefold())
            self._only("schema", organization.data_schema, f"{path}.data_schema", id_refusals.DuplicateDataSchema)
            if (service := organization.marketing_service) is not None:
                for i, campaign in enumerate(service.campaigns):
                    at = f"{path}.marketing_service.campaigns[{i}]"
                    self._only("campaign", campaign.id, f"{at}.id", id_refusals.DuplicateId)
                    for j, activity in enumerate(campaign.activities):
                        self._only("activity", activity.id, f"{at}.activities[{j}].id", id_refusals.DuplicateId)
            self.document.organizations.append(Placed(path, organization))

    def _subscriptions(self, raw: object) -> None:
        for path, item in self._items(raw, "subscriptions"):
            self._only("subscription", item.get("id"), f"{path}.id", id_refusals.DuplicateId)
            self._refers(path, item, "organization", "organization")
            header = {name: value for name, value in item.items() if name != "lines"}
            subscription = self._entry(ImportedSubscription.model_validate, header, path, ImportedSubscription)
            if subscription is not None:
                self.document.subscriptions.append(Placed(path, subscription))
            for at, line in self._items(item.get("lines"), f"{path}.lines"):
                self._line(at, line, item.get("id") if subscription is None else subscription.id)

    def _line(self, path: str, item: dict[str, Any], subscription: object) -> None:
        self._only("line", item.get("id"), f"{path}.id", id_refusals.DuplicateId)
        self._refers(path, item, "contract", "contract")
        planned_lines = item.get("planned_lines")
        for index, planned in enumerate(planned_lines if isinstance(planned_lines, list) else ()):
            at = f"{path}.planned_lines[{index}]"
            if isinstance(planned, dict):
                self._only("planned_line", planned.get("id"), f"{at}.id", id_refusals.DuplicateId)
            if index:
                self._problem(at, refusals.TwoPlannedLines(str(item.get("id")), f"{path}.planned_lines[0]"))
        line = self._entry(ImportedLine.model_validate, item, path, ImportedLine)
        if line is None:
            return
        if line.subscription is not None and isinstance(subscription, str) and line.subscription != subscription:
            self._problem(f"{path}.subscription", refusals.SubscriptionDiffers(line.subscription, subscription))
        if line.contract_line is not None and line.contract is None:
            self._problem(f"{path}.contract", refusals.FieldMissing())
        if isinstance(subscription, str):
            self.document.lines.append(Placed(path, (subscription, line)))

    def _items(self, raw: object, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if raw is None:
            return
        if not isinstance(raw, list):
            self._problem(path, refusals.FieldMalformed("This should be a list"))
            return
        for index, item in enumerate(raw):
            if isinstance(item, dict):
                yield f"{path}[{index}]", item
            else:
                self._problem(f"{path}[{index}]", refusals.FieldMalformed("This should be an object"))

    def _entry(self, read: Callable[[Any], T], raw: object, path: str, model: type) -> T | None:
        try:
            return read(raw)
        except ValidationError as invalid:
            for error in listed_errors(invalid):
                self._problem(joined(path, error["loc"]), _refusal_of(error, model))
            return None

    def _only(
        self,
        kind: str,
        value: object,
        path: str,
        duplicate: type[id_refusals.DuplicateInDocument],
        *,
        key: object | None = None,
    ) -> None:
        """Record an id, or refuse it as the second of its kind."""
        if not isinstance(value, str):
            return
        first = self.first.setdefault((kind, value if key is None else key), path)
        if first != path:
            self._problem(path, duplicate(value, first))

    def _refers(
        self, path: str, item: Mapping[str, object], name: str, kind: Kind, *, default: str | None = None
    ) -> None:
        value = item.get(name) or default
        if isinstance(value, str) and (kind, value) not in self.first:
            self.document.references.append(Reference(f"{path}.{name}", kind, value))

    def _problem(self, path: str, refusal: Refusal) -> None:
        self.document.problems.append(Problem(path, refusal))


def _refusal_of(error: Any, model: type) -> Refusal:
    if model is ImportedInvoice and (error["type"], error["loc"]) == ("extra_forbidden", ("credits",)):
        return refusals.CreditMemoNotImported()
    fields = tuple(getattr(model, "model_fields", {}))
    return refusal_of(error, (*fields, "lines") if model is ImportedSubscription else fields)
