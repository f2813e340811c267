"""Properties of every command: its start-up cost, its exit status, and never a stack trace."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from starter.cli.main import COMMANDS
from tests.support.command_line import CommandLine
from tests.support.ports import free_port
from tests.support.processes import ROOT
from tests.support.world import World

NOWHERE = {
    "OFFRAMP_DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
    "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    "OFFRAMP_ACTOR": "agent-1",
}


def in_a_process(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_command_line_starts_without_the_libraries_that_only_commands_need() -> None:
    code = "import sys, starter.cli.main; print(*{'sqlalchemy', 'temporalio', 'alembic', 'psycopg'} & {*sys.modules})"
    called = in_a_process(code)
    assert (called.stdout.strip(), called.stderr) == ("", "")


def test_help_names_every_command_and_loads_none() -> None:
    code = (
        "import sys; from starter.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally: assert not {'sqlalchemy', 'temporalio', 'starter.cli.up'} & {*sys.modules}"
    )
    shown = in_a_process(code)
    assert shown.returncode == 0, shown.stderr
    assert all(f" {name} " in shown.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_can_be_loaded(name: str) -> None:
    loaded = COMMANDS[name].load()
    assert isinstance(loaded, typer.Typer) or callable(loaded)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("cancellations", "start", "no such id!"), "'no such id!' is not possible"),
        (("cancellations", "start", "SUB-1", "--actor", "a@b.example"), "no e-mail address"),
        (("cancellations", "withdraw", "SUB-1", "--reason", ""), "say why"),
        (("cancellations", "start", "SUB-1", "--terminate-on", "2027-02-30"), "'2027-02-30' is not a date"),
        (("cancellations", "answer", "SUB-1"), "Give at least one answer"),
        (("cancellations", "answer", "SUB-1", "--send-code", "--code", "123456"), "one way at a time"),
        (("cancellations", "list", "--stage", "gone"), "'gone'"),
        (("cancellations", "start", "SUB-1", "--received-at", "yesterday"), "an instant with its offset"),
        (("export", "acknowledge", "SUB-1", "--export", "SUB-1"), "as in SUB-1001/1"),
        (("migrations", "acknowledge", "SUB-1", "--cancellation", "1"), "as in SUB-1001/1"),
        (("hold", "place", "ORG-1", "--reason", ""), "say why"),
        (("cancellations", "strat", "SUB-1"), "Did you mean 'start'?"),
        (("credit-memos", "post", "INV-1", "--colour", "red"), "--colour"),
        (("import", "/there/is/no/such/file.json"), "does not exist"),
        (("cancellations", "start", "SUB-1", "--request-id", "bulk-1f0c2a9d3b4e5f60-2"), "requests of its own"),
        (("canellations",), "Did you mean 'cancellations'"),
    ],
)
async def test_a_wrong_call_is_status_2_in_words_and_in_json(arguments: tuple[str, ...], said: str) -> None:
    offramp = CommandLine(NOWHERE)
    called = await offramp(*arguments)
    assert (called.status, called.out) == (2, "")
    assert said in " ".join(called.err.replace("│", " ").split())
    as_json = await offramp(*arguments, "--json")
    assert as_json.status == 2
    assert as_json.json["error"]["code"] == "wrong_call"
    assert said in as_json.json["error"]["message"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("cancellations", "list"), "database_unavailable"),
        (("cancellations", "history", "SUB-1"), "database_unavailable"),
        (("cancellations", "show", "SUB-1"), "temporal_unavailable"),
        (("cancellations", "start", "SUB-1"), "temporal_unavailable"),
        (("quote", "SUB-1", "--received-on", "2027-01-01"), "database_unavailable"),
        (("credit-memos", "post", "INV-1"), "temporal_unavailable"),
        (("export", "show", "SUB-1"), "temporal_unavailable"),
        (("export", "links", "SUB-1"), "database_unavailable"),
        (("hold", "list"), "database_unavailable"),
        (("hold", "release", "1", "--reason", "settled"), "temporal_unavailable"),
    ],
)
async def test_what_is_down_is_named_with_the_way_out(arguments: tuple[str, ...], code: str) -> None:
    offramp = CommandLine(NOWHERE)
    called = await offramp(*arguments)
    assert (called.status, called.out) == (1, "")
    assert called.err.startswith(f"Refused ({code}): ")
    assert "Way out: " in called.err
    as_json = await offramp(*arguments, "--json")
    assert (as_json.status, as_json.err, as_json.json["error"]["code"]) == (1, "", code)


def test_without_a_service_the_way_to_one_is_said(tmp_path: Path) -> None:
    call = "from starter.cli.main import main; main()"
    empty = {"OFFRAMP_DATABASE_URL": "", "TEMPORAL_ADDRESS": "", "OFFRAMP_DATA_DIR": str(tmp_path)}
    called = in_a_process(call, "cancellations", "list", "--json", **empty)
    assert (called.returncode, called.stderr) == (1, "")
    assert json.loads(called.stdout)["error"]["code"] == "no_service_configured"
    said = in_a_process(call, "cancellations", "list", **empty)
    assert (said.returncode, said.stdout) == (1, "")
    assert "Start one with `offramp up`" in said.stderr
    assert "Traceback" not in said.stderr


async def test_a_port_that_is_none_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    refused = await CommandLine({"OFFRAMP_PORT_SMTP": "abc"})("up", "--data-dir", str(tmp_path / "data"))
    assert refused.status == 1
    assert "(port_malformed): OFFRAMP_PORT_SMTP" in refused.err


async def test_a_temporal_configuration_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text("[[")
    called = await CommandLine({**NOWHERE, "TEMPORAL_CONFIG_FILE": str(file)})("cancellations", "show", "SUB-1")
    assert called.status == 1
    assert "(temporal_configuration_malformed)" in called.err


async def test_a_subscription_without_a_cancellation_is_refused(world: World, offramp: CommandLine) -> None:
    called = await offramp("cancellations", "show", "SUB-nobody", "--json")
    assert called.status == 1
    assert called.json["error"]["code"] == "cancellation_unknown"
    assert called.json["error"]["way_out"]


@pytest.mark.parametrize("url", ["ftp://systems.example", "http://systems.example/hook", "systems.example", "https://"])
def test_webhooks_go_to_no_address_that_is_none_or_in_clear(tmp_path: Path, url: str) -> None:
    refused = CommandLine({}).call("up", "--data-dir", str(tmp_path / "stack"), "--webhook-url", url)
    assert refused.status == 2
    assert "https://host/path" in refused.err
    assert not (tmp_path / "stack").exists()
