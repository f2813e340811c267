"""``offramp billing`` and ``offramp credit-memos`` as an invoice run and a clerk use them."""

import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.vocabulary import Stage
from records.imports import import_content
from storage.rights import DatabaseRole
from tests.records.billing.billed_lines import NOON, a_document, a_line
from tests.support.command_line import Called, CommandLine
from tests.support.databases import as_role
from tests.support.world import World, eventually

FORMAT = Path(__file__).parents[3] / "docs" / "billing-format.md"


def example() -> dict[str, Any]:
    """The example of the documentation."""
    found = re.search(r"```json\n(.*?)```", FORMAT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    document: dict[str, Any] = json.loads(found[1])
    return document


def written(tmp_path: Path, document: object) -> str:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.fixture
def billing(tmp_path: Path, world: World, database_url: str) -> Any:
    """Call ``offramp billing import`` with a document; Temporal does not run."""
    document = a_document()
    document["subscriptions"][0]["lines"].append({**a_line("SUB-1-V", "2026-12-01"), "end_date": "2026-12-31"})
    import_content(world.engine, json.dumps(document).encode(), actor="tester", at=NOON, source="test.json")

    def call(document: object, *options: str) -> Called:
        environment = {
            "OFFRAMP_DATABASE_URL": as_role(database_url, DatabaseRole.CALLERS),
            "OFFRAMP_ACTOR": "biller",
            "COLUMNS": "400",
        }
        unreachable = {"TEMPORAL_ADDRESS": "localhost:1"}
        return CommandLine({**environment, **unreachable}).call(
            "billing", "import", written(tmp_path, document), *options
        )

    return call


def test_the_example_of_the_documentation_is_imported_and_again_changes_nothing(billing: Any) -> None:
    taken = billing(example())
    assert taken.status == 0, taken.err
    assert "2 lines: 2 taken, 0 unchanged, 0 outdated, 0 refused." in taken.out
    assert "  - SUB-1-C: INV-12, CM-12, INV-12A; next billing date 2027-01-01" in taken.out
    again = billing(example(), "--json")
    assert (again.status, again.json["taken"], again.json["unchanged"]) == (0, 0, 2)


def test_a_refused_line_holds_up_no_other_and_ends_the_command_with_1(billing: Any) -> None:
    document = example()
    document["lines"][1]["next_billing_date"] = "2027-01-02"
    refused = billing(document)
    assert refused.status == 1
    assert "1 taken, 0 unchanged, 0 outdated, 1 refused." in refused.out
    assert "  - Refused SUB-1-V, lines[1].next_billing_date: Line SUB-1-V ends on 2026-12-31" in refused.out
    as_json = billing(document, "--json")
    assert as_json.status == 1
    [first, second] = as_json.json["lines"]
    assert (first["line"], first["result"], first["newest_sequence"]) == ("SUB-1-C", "unchanged", 202612)
    [problem] = second["problems"]
    assert (second["result"], problem["path"], problem["code"]) == (
        "refused",
        "lines[1].next_billing_date",
        "billing_beyond_end",
    )
    assert problem["remedy"]["kind"] == "correct_input"


def test_a_document_that_cannot_be_read_is_refused_as_a_whole(billing: Any) -> None:
    refused = billing({"source": "invoice-run", "lines": []}, "--json")
    assert (refused.status, refused.json["error"]["code"]) == (1, "import_malformed")
    assert refused.json["error"]["problems"][0]["path"] == "sequence"


def test_a_file_that_does_not_exist_is_a_wrong_call(billing: Any) -> None:
    assert CommandLine({}).call("billing", "import", "/nowhere/run.json", "--actor", "biller").status == 2


async def test_a_line_that_waits_for_a_credit_memo_ends_with_that_of_the_feed(
    world: World, offramp: CommandLine, tmp_path: Path
) -> None:
    subscription = world.subscription()
    end = world.today(subscription)
    world.invoice(subscription, f"INV-{subscription}", end - timedelta(days=10), end + timedelta(days=20))
    await world.start(subscription)
    await eventually(lambda: _awaits(world, subscription, f"INV-{subscription}"))
    memo = {"kind": "credit_memo", "number": f"CM-{subscription}", "credits": f"INV-{subscription}"}
    memo["credits_from"] = (end + timedelta(days=1)).isoformat()
    entry = {"line": f"{subscription}-1", "documents": [memo]}
    document = {"source": f"run-{subscription}", "sequence": 1, "lines": [entry]}
    imported = await offramp("billing", "import", written(tmp_path, document), "--json")
    assert imported.json["lines"][0]["credited"] == [f"INV-{subscription}"]
    assert world.line(subscription).end_date == end, "the line ends in the transaction of the memo"
    await eventually(lambda: _awaits(world, subscription))


async def test_a_credit_memo_from_a_day_on_is_enough_for_the_cancellation_and_named_by_the_quote(
    world: World, offramp: CommandLine
) -> None:
    subscription = world.subscription()
    invoice, end = f"INV-{subscription}", world.today(subscription)
    suffices = (end + timedelta(days=1)).isoformat()
    world.invoice(subscription, invoice, date(end.year, 1, 1), date(end.year + 1, 12, 31))
    quoted = await offramp("quote", subscription, "--received-on", end.isoformat())
    assert f"credit memos first for {invoice}, from {suffices} on." in " ".join(quoted.out.split())
    await world.start(subscription)
    await eventually(lambda: _awaits(world, subscription, invoice))
    wrong = await offramp("credit-memos", "post", invoice, "--from", f"{end.year - 1}-12-31", "--json")
    assert (wrong.status, wrong.json["error"]["code"]) == (1, "credit_outside_period")
    posted = await offramp("credit-memos", "post", invoice, "--from", suffices, "--json")
    assert posted.json == {
        "credit_memo": f"CM-{invoice}-{suffices}",
        "invoice": invoice,
        "credits_from": suffices,
        "subscription": subscription,
    }
    assert world.line(subscription).end_date == end, "the line ends in the transaction of the memo"
    await eventually(lambda: _awaits(world, subscription))


async def _awaits(world: World, subscription: str, *invoices: str) -> bool:
    status = await world.service.status(subscription)
    return status.stage in (Stage.SCHEDULED, Stage.CANCELED) and status.outstanding_credit_memos == invoices
