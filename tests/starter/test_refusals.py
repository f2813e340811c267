"""Every refusal on every surface: command line, JSON, page, log, and on its way through Temporal."""

import importlib.util
import json
import re
import shlex
from string import Formatter
from typing import Any

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter

from domain.export.requests import ExportFilesMissing
from domain.imports.refusals import ImportRefusalDetails
from domain.refusals import ForwardedRefusal, Refusal, RefusalDetails
from domain.remedies import WORDS, Remedy, RemedyKind
from runtime.refusals import as_application_error, as_refusal, log_text
from runtime.temporal import MessageConverter
from starter.cli.lazy_group import loaded
from starter.cli.main import COMMANDS
from starter.cli.output import print_refusal
from starter.cli.remedies import OPERATORS_WORDS, operators_text, operators_words
from starter.pages.page import rendered
from starter.pages.refusals import CUSTOMERS_WORDS, NOT_NOW, WITHOUT_MESSAGE, refusal_page
from tests.support.refusals import examples_of, refusals

OPERATORS_ALONE = ("starter.cli.", "starter.deploy.", "starter.local.", "starter.pages.__main__")
"""Where what is refused is met by nobody but the people who run commands."""

UNFIT = {
    "command": rf"\bofframp ({'|'.join(COMMANDS)})\b|`offramp|python -m|make run|(?<![\w-])--[a-z]",
    "variable": r"\b(OFFRAMP|TEMPORAL|AWS|POSTGRES)_[A-Z_]+",
    "path": r"(?<![\w/:.])/\w+|docs/|\bexports/|file://|\.gz\b",
    "bucket": r"(?i)\bbucket\b|(s3|az|gs)://",
}

WITHOUT_REMEDY = {
    "BillingBeforeStart", "DateMalformed", "DateOutOfRange", "DayOutOfBounds", "DuplicateDataSchema", "DuplicateId",
    "DuplicateUniqueName", "DuplicateUrl", "FieldMissing", "FieldRepeated", "FormulaNegative", "IdentifierMalformed", "JsonLineRefused",
    "JsonMalformed", "LineFieldMalformed", "PartnerMismatch", "PeriodReversed",
}  # fmt: skip
"""Refusals of a value in a document or a line, whose message says all there is to say."""


@pytest.fixture(scope="module")
def every() -> list[Refusal]:
    """Every refusal of the code, with examples of its values; fails where a new one has none."""
    return [refusal for kind in refusals() for refusal in examples_of(kind)]


def unfit(text: str) -> list[str]:
    """The things in a text that only an operator may read of."""
    return [f"{what}: {found[0]}" for what, pattern in UNFIT.items() if (found := re.search(pattern, text))]


def through_temporal(refusal: Refusal) -> ForwardedRefusal:
    """The refusal as another process receives it."""
    failure, values = Failure(), MessageConverter()
    DefaultFailureConverter().to_failure(as_application_error(refusal), values, failure)
    received = as_refusal(DefaultFailureConverter().from_failure(failure, values))
    assert received is not None
    return ForwardedRefusal(received)


def page_of(refusal: Refusal) -> str:
    return rendered(refusal_page(refusal), "/l/token")


@pytest.mark.parametrize(
    "said",
    [
        "offramp cancellations start SUB-1",
        "Call it with --json.",
        "OFFRAMP_DATABASE_URL is not set",
        "in /srv/data",
        "under exports/SUB-1001/1",
        "s3://company",
    ],
)
def test_what_only_an_operator_may_read_is_found(said: str) -> None:
    assert unfit(said)


def test_no_page_shows_a_command_a_variable_a_path_or_a_bucket(every: list[Refusal]) -> None:
    for refusal in every:
        for received in (refusal, through_temporal(refusal)):
            page = refusal_page(received)
            assert page.sentences
            assert not unfit(" ".join((page.title, *page.sentences, *page.small_print)))
            shown = re.sub(r'(?s)<head>.*?</head>|(href|action|src)="[^"]*"|</?\w+[^>]*>', " ", page_of(received))
            assert refusal.code in shown
            assert not unfit(shown)


def test_a_page_says_of_what_passes_that_it_is_unavailable_now(every: list[Refusal]) -> None:
    passing = [each for each in every if each.code in ("object_store_unavailable", "database_unavailable", "case_busy")]
    assert len(passing) >= 3
    for refusal in passing:
        for received in (refusal, through_temporal(refusal)):
            assert (refusal_page(received).status, refusal_page(received).title) == (503, "Not now")


def test_only_commands_speak_of_commands_variables_paths_and_buckets(every: list[Refusal]) -> None:
    for refusal in every:
        if not type(refusal).__module__.startswith(OPERATORS_ALONE):
            assert not unfit(f"{refusal.message} {refusal.way_out}"), refusal.code


def test_the_command_line_names_commands_that_exist_with_all_that_they_need(every: list[Refusal]) -> None:
    for refusal in every:
        words = operators_words(refusal)
        assert not re.search(r"\{\w+\}", words)
        for command in re.findall(r"`([^`]+)`", words):
            assert_exists(command)
        rest = re.sub(r"`[^`]+`", "", words)
        assert not re.search(rf"\bofframp ({'|'.join(COMMANDS)})\b|python -m", rest), "a command stands in backticks"


def assert_exists(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == "python":
        assert importlib.util.find_spec(arguments[1])
    if program != "offramp":
        return
    name, *arguments = arguments
    found: Any = loaded(name, COMMANDS[name])
    while hasattr(found, "commands") and arguments:
        name, *arguments = arguments
        found = found.commands[name]
    if hasattr(found, "commands"):
        assert found.invoke_without_command, f"{command} lacks a command"
        return
    context = found.context_class(found, info_name=name)
    values, left_over, _ = found.make_parser(context).parse_args(list(arguments))
    assert not left_over
    missing = [parameter.name for parameter in found.params if parameter.required and not values.get(parameter.name)]
    assert not missing, f"{command} lacks {missing}"


def test_json_has_code_message_values_remedy_and_way_out(
    every: list[Refusal], capsys: pytest.CaptureFixture[str]
) -> None:
    for refusal in every:
        print_refusal(refusal, as_json=True)
        error = json.loads(capsys.readouterr().out)["error"]
        assert error["code"] == refusal.code
        assert error["message"]
        assert error["values"] == refusal.values
        if error["remedy"] is None:
            assert error["way_out"] == ""
        else:
            assert RemedyKind(error["remedy"]["kind"])
            assert error["way_out"] == Remedy.model_validate(error["remedy"]).words
        model = ImportRefusalDetails if "problems" in error else RefusalDetails
        assert model.model_validate(error) == refusal.details


def test_every_refusal_has_a_remedy(every: list[Refusal]) -> None:
    with_remedy = {type(refusal).__name__ for refusal in every if refusal.remedy}
    assert {type(refusal).__name__ for refusal in every} - with_remedy == WITHOUT_REMEDY


def test_a_refusal_is_rendered_alike_on_both_sides_of_temporal(every: list[Refusal]) -> None:
    for refusal in every:
        received = through_temporal(refusal)
        assert received.details.code == refusal.code
        assert (received.remedy, received.values) == (refusal.remedy, refusal.values)
        assert operators_words(received) == operators_words(refusal)
        assert str(received) == f"{refusal.details.message} {refusal.way_out}".strip()


def test_the_log_of_a_process_has_every_value_of_the_remedy(every: list[Refusal]) -> None:
    for refusal in every:
        said = log_text(refusal)
        assert refusal.message in said
        assert all(value in said for value in (refusal.remedy.values.values() if refusal.remedy else ()))


def test_every_kind_of_remedy_is_used_and_has_words_everywhere(every: list[Refusal]) -> None:
    used = {refusal.remedy.kind for refusal in every if refusal.remedy}
    assert used == set(RemedyKind) == set(WORDS) == set(OPERATORS_WORDS)
    assert not CUSTOMERS_WORDS.keys() & WITHOUT_MESSAGE.keys()


def test_a_kind_has_the_same_values_wherever_it_is_used(every: list[Refusal]) -> None:
    names: dict[str, set[str]] = {}
    for refusal in every:
        if refusal.remedy:
            assert names.setdefault(refusal.remedy.kind, set(refusal.remedy.values)) == set(refusal.remedy.values)
    for kind, given in names.items():
        made_of_a_case = {"subject", "group", "start", "verify"} if "cancellation" in given else set()
        wanted = {name for _, name, _, _ in Formatter().parse(OPERATORS_WORDS[RemedyKind(kind)]) if name}
        assert wanted <= given | made_of_a_case


@pytest.mark.parametrize(
    "remedy",
    [None, Remedy(kind="of_a_later_version", values={"shoe": "9"}), Remedy(kind=RemedyKind.START_CANCELLATION)],
    ids=["of a former version", "of a later version", "without its values"],
)
def test_a_refusal_of_another_version_is_shown_in_its_own_words_to_operators_alone(remedy: Remedy | None) -> None:
    way_out = "Start one: offramp cancellations start SUB-1"
    received = RefusalDetails(code="other", message="No.", way_out=way_out, remedy=remedy)
    refusal = ForwardedRefusal(RefusalDetails.model_validate_json(received.model_dump_json()))
    assert operators_text(refusal) == f"No. {way_out}"
    assert str(refusal) == f"No. {way_out}"
    assert refusal.details == received
    assert not unfit(" ".join(refusal_page(refusal).sentences))


def test_a_page_keeps_the_services_own_parts_to_itself() -> None:
    missing = ExportFilesMissing("SUB-1001/1", "exports/SUB-1001/1/")
    assert "from a backup of the bucket" in operators_words(missing)
    assert "exports/SUB-1001/1/" in operators_words(missing)
    assert refusal_page(missing).sentences == [NOT_NOW, WITHOUT_MESSAGE[RemedyKind.RESTORE_OBJECTS]]
    assert "backup" not in page_of(missing)
