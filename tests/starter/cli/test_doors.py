"""Values that nothing can keep, through every door of the command line: a refusal or a wrong call, never a stack trace."""

import json

import pytest

from records.imports import import_content
from tests.records.billing.billed_lines import NOON, a_document
from tests.support.command_line import CommandLine
from tests.support.world import World

WHY = ("--reason", "because so")
ADMINISTRATOR = ("--administrator", "ann@example.com")
DOORS = (
    ("credit-memos", "post", "?"),
    ("credit-memos", "post", "INV-11", "--number", "?"),
    ("credit-memos", "post", "INV-11", "--number", "CM-1", "--request-id", "?"),
    ("credit-memos", "post", "INV-11", "--from", "?"),
    ("billing", "import", "?"),
    ("import", "?"),
    ("hold", "place", "?", *WHY),
    ("hold", "place", "ORG-1", "--reason", "?"),
    ("hold", "place", "ORG-1", *WHY, "--request-id", "?"),
    ("hold", "place", "ORG-1", *WHY, "--actor", "?"),
    ("hold", "release", "?", *WHY),
    ("hold", "release", "1", *WHY, "--request-id", "?"),
    ("hold", "list", "--organization", "?"),
    ("quote", "?", "--received-on", "2026-12-01"),
    ("lines", "list", "--subscription", "?"),
    ("lines", "list", "--customer-contract", "?"),
    ("lines", "update-dates", "--as-of", "2026-12-01", "--customer-contract", "?"),
    ("cancellations", "list", "--stage", "?"),
    ("cancellations", "list", "--limit", "?"),
    ("cancellations", "show", "?"),
    ("cancellations", "history", "?"),
    ("cancellations", "start", "?"),
    ("cancellations", "start", "SUB-2", "--url", "?"),
    ("cancellations", "start", "SUB-2", "--request-id", "?"),
    ("cancellations", "answer", "SUB-2", "--name", "?"),
    ("marketing", "cancel", "?", *ADMINISTRATOR),
    ("marketing", "cancel", "ORG-1", *ADMINISTRATOR, "--request-id", "?"),
    ("marketing", "show", "?"),
    ("marketing", "acknowledge", "?"),
    ("export", "show", "?"),
    ("migrations", "show", "?"),
)


@pytest.mark.parametrize(
    "value", ["\udcff", "a\x00b", "9" * 30, "x" * 5000, ""], ids=["half", "null", "number", "long", ""]
)
async def test_a_value_that_cannot_be_kept_is_refused(world: World, offramp: CommandLine, value: str) -> None:
    import_content(world.engine, json.dumps(a_document()).encode(), actor="tester", at=NOON, source="test.json")
    for door in DOORS:
        called = await offramp(*(value if part == "?" else part for part in door), "--json")
        assert called.status in (0, 1, 2), door
        said = json.loads(called.out)
        code = said["error"]["code"] if called.status else "done"
        assert code not in ("database_failed", "records_conflict", "import_overtaken", "step_failed"), (door, said)
