"""The plan of an import's lines, their places on contracts and their planned lines."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date

from domain.billing.ledger import still_billed
from domain.civil_dates import plus_days
from domain.imports import conflicts
from domain.imports.document import ImportedLine, ImportedPlannedLine
from domain.imports.lines import DATES, TERMS, LineRefused, changed_fields, new_line, revised_line
from domain.imports.refusals import PartnerMismatch, Problem, TwoPlannedLines
from domain.lines.line import SubscriptionLine
from domain.lines.refusals import LineClosed
from domain.lines.terms import provision_end_date
from records.imports.existing import Row
from records.imports.planning import LineDates, Plan, zones_of_subscriptions
from records.imports.planning_invoices import plan_invoices
from records.lines.rows import as_domain
from storage.tables import SubscriptionLineRow


class LinePlanner:
    """The planner of a document's lines, one after the other."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.existing = plan.existing
        self.zones = zones_of_subscriptions(plan)
        self.partners = {number: row["partner"] for number, row in plan.existing.contracts.items()}
        self.partners |= {placed.entry.number: placed.entry.partner.value for placed in plan.document.contracts}
        self.numbers = {contract: dict(taken) for contract, taken in plan.existing.numbers.items()}
        self.unnumbered: list[tuple[str, SubscriptionLine]] = []
        self.next_billing: dict[str, date | None] = {}
        self.refused: set[str] = set()
        self.created: dict[str, list[SubscriptionLine]] = defaultdict(list)

    def run(self) -> dict[str, date | None]:
        """Plan everything; return the provision end date of each subscription whose lines are new."""
        for placed in self.plan.document.lines:
            subscription, entry = placed.entry
            line = self._line(placed.path, subscription, entry)
            if line is None:
                self.refused.add(entry.id)
            if entry.contract is not None:
                self._place(placed.path, entry.contract, entry, line)
            for index, planned in enumerate(entry.planned_lines):
                self._planned_line(f"{placed.path}.planned_lines[{index}]", planned, entry.id, subscription, line)
        for contract, line in self.unnumbered:
            taken = self.numbers.setdefault(contract, {})
            number = max(taken, default=0) + 1
            taken[number] = line.id
            self._contract_line(contract, number, line, None)
        plan_invoices(self.plan, self.next_billing, self.refused)
        return {subscription: provision_end_date(lines) for subscription, lines in self.created.items()}

    def _line(self, path: str, subscription: str, entry: ImportedLine) -> SubscriptionLine | None:
        row = self.existing.lines.get(entry.id)
        today = self.plan.today_of(subscription, self.zones)
        try:
            if row is not None:
                return self._existing_line(path, subscription, entry, row, today)
            line = new_line(entry, subscription, today)
        except LineRefused as refused:
            self._refused(path, refused)
            return None
        if (cancellation := self.existing.running.get(subscription)) is not None:
            self.plan.refuse(path, conflicts.SubscriptionUnderCancellation(line.id, subscription, cancellation))
            return None
        if (cancellation := self.existing.ended.get(subscription)) is not None:
            self.plan.refuse(path, conflicts.SubscriptionEnded(line.id, subscription, cancellation))
            return None
        self.plan.changes["lines"].put(_row(line), None, known_since=self.plan.at)
        self.created[subscription].append(line)
        self.next_billing[line.id] = line.next_billing_date
        return line

    def _cancellation_of(self, row: Row, subscription: str) -> str | None:
        existing = self.existing
        return row["frozen_by"] or existing.running_alone.get(row["id"]) or existing.running.get(subscription)

    def _existing_line(
        self, path: str, subscription: str, entry: ImportedLine, row: Row, today: date
    ) -> SubscriptionLine | None:
        before = as_domain(SubscriptionLineRow(**row))
        if before.subscription != subscription:
            self.plan.refuse(path, conflicts.LineMoved(entry.id, str(before.subscription), subscription))
            return None
        if before.partner != entry.partner:
            changed = conflicts.LinePartnerChanged(entry.id, f"a {before.partner}", f"a {entry.partner}")
            self.plan.refuse(f"{path}.partner", changed)
            return None
        entry = self._without_credited(entry, before)
        cancellation = self._cancellation_of(row, subscription)
        try:
            planned = entry.id in self.existing.pending
            after = revised_line(entry, before, today, has_planned_line=planned, cancellation=cancellation)
            fields = changed_fields(before, after)
        except LineRefused as refused:
            after, fields = before, _named(entry, before)
            if cancellation is None or not _frozen(fields, entry, before):
                self._refused(path, refused)
                return None
        if cancellation is not None and (frozen := _frozen(fields, entry, before)):
            under = conflicts.LineUnderCancellation(entry.id, cancellation, frozen)
            named = _frozen(_named(entry, before), entry, before)
            self.plan.refuse(f"{path}.{(named or frozen)[0]}", under)
            return None
        self.next_billing[entry.id] = after.next_billing_date
        self.plan.changes["lines"].put(_row(after), row)
        if fields or _terms(before) != _terms(after):
            self.plan.dates.append(LineDates(subscription, entry.id, _dates(before), _dates(after)))
        if entry.contract is None and (place := self.existing.places.get(entry.id)) is not None:
            self._contract_line(place["contract"], place["line_number"], after, place, count_unchanged=False)
        return after

    def _without_credited(self, entry: ImportedLine, before: SubscriptionLine) -> ImportedLine:
        """Leave out a next billing date that a credit memo has set back since: the document is older than that.

        It is not if an invoice leads up to that day, one of the records or one of the document.
        """
        given, now = entry.next_billing_date, before.next_billing_date
        if given is None or now is None or given <= now:
            return entry
        last_day = plus_days(given, -1)
        ledger = self.existing.ledgers.get(entry.id, [])
        if not any(document.credits and document.period_end == last_day for document in ledger):
            return entry
        invoices = [placed.entry for placed in self.plan.document.invoices if placed.entry.line == entry.id]
        new = {one.period_end for one in invoices if one.number not in self.existing.documents}
        if last_day in new | {invoice.period_end for invoice in still_billed(ledger)}:
            return entry
        return entry.model_copy(update={"next_billing_date": None})

    def _place(self, path: str, contract: str, entry: ImportedLine, line: SubscriptionLine | None) -> None:
        partner = self.partners.get(contract)
        if partner is not None and partner != entry.partner:
            self.plan.refuse(f"{path}.contract", PartnerMismatch(entry.partner, contract, partner))
        place = self.existing.places.get(entry.id)
        if place is not None:
            number = entry.contract_line or place["line_number"]
            if (contract, number) != (place["contract"], place["line_number"]):
                now, asked = f"{place['contract']} line {place['line_number']}", f"{contract} line {number}"
                self.plan.refuse(f"{path}.contract", conflicts.ContractLineChanged(entry.id, now, asked))
            elif line is not None:
                self._contract_line(contract, number, line, place)
        elif entry.contract_line is not None:
            holder = self.numbers.setdefault(contract, {}).setdefault(entry.contract_line, entry.id)
            if holder != entry.id:
                taken = conflicts.ContractLineTaken(contract, entry.contract_line, holder)
                self.plan.refuse(f"{path}.contract_line", taken)
            elif line is not None:
                self._contract_line(contract, entry.contract_line, line, None)
        elif line is not None:
            self.unnumbered.append((contract, line))

    def _contract_line(
        self,
        contract: str,
        number: int,
        line: SubscriptionLine,
        existing: Row | None,
        *,
        count_unchanged: bool = True,
    ) -> None:
        changes = self.plan.changes["contract_lines"]
        if existing is not None and existing["closed"] == line.closed and not count_unchanged:
            return  # not in the document: changed only if the line was closed
        row = {"contract": contract, "line_number": number, "subscription_line": line.id, "closed": line.closed}
        changes.put(row, existing)

    def _planned_line(
        self, path: str, planned: ImportedPlannedLine, line_id: str, subscription: str, line: SubscriptionLine | None
    ) -> None:
        planned_row = {"subscription_line": line_id, **planned.model_dump(mode="python")}
        existing = self.existing.planned_lines.get(planned.id)
        row = self.existing.lines.get(line_id)
        if existing is None:
            pending = self.existing.pending.get(line_id)
            cancellation = row and self._cancellation_of(row, subscription)
            if pending is not None:
                self.plan.refuse(path, TwoPlannedLines(line_id, pending))
            elif cancellation:
                self.plan.refuse(path, conflicts.LineUnderCancellation(line_id, cancellation, ["planned_lines"]))
            elif line is not None and line.closed:
                self.plan.refuse(path, LineClosed(line))
        elif existing["subscription_line"] != line_id:
            moved = conflicts.PlannedLineMoved(planned.id, existing["subscription_line"], line_id)
            self.plan.refuse(path, moved)
        elif existing["withdrawn_by"] is not None and any(existing[name] != planned_row[name] for name in planned_row):
            self.plan.refuse(path, conflicts.PlannedLineWithdrawn(planned.id, existing["withdrawn_by"]))
        self.plan.changes["planned_lines"].put(planned_row, existing)

    def _refused(self, path: str, refused: LineRefused) -> None:
        for name, refusal in refused.found:
            self.plan.problems.append(Problem(f"{path}.{name}" if name else path, refusal))


def _named(entry: ImportedLine, before: SubscriptionLine) -> list[str]:
    """Return the names of the fields in which an entry differs from its line; a term that is not set is cleared."""
    named = [name for name in (*DATES, "closed") if getattr(entry, name) not in (None, getattr(before, name))]
    return named + [name for name in TERMS if getattr(entry, name) != getattr(before, name)]


def _frozen(fields: Sequence[str], entry: ImportedLine, before: SubscriptionLine) -> list[str]:
    """Return those of the changed fields that do not change under a cancellation: all but billing that goes on."""
    given, now = entry.next_billing_date, before.next_billing_date
    goes_on = given is not None and (now is None or given > now)
    return [name for name in fields if name != "next_billing_date" or not goes_on]


def _row(line: SubscriptionLine) -> Row:
    row: Row = {"id": line.id, "subscription": line.subscription, "partner": line.partner.value}
    row |= {name: getattr(line, name) for name in (*DATES, "open_billing_line", "closed")}
    return row | _terms(line)


def _terms(line: SubscriptionLine) -> Row:
    return {name: None if (term := getattr(line, name)) is None else str(term) for name in TERMS}


def _dates(line: SubscriptionLine) -> Row:
    """Return the dates and terms of a line as the audit trail keeps them: a past day of receipt is decided by these."""
    dates: Row = {name: day.isoformat() if (day := getattr(line, name)) else None for name in DATES}
    return dates | {"closed": line.closed} | _terms(line)
