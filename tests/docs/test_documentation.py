"""The documents say what the code does: names, messages, codes and settings are all there, and every link leads somewhere."""

import inspect
import json
import re
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest
from pydantic import BaseModel, RootModel

import activities
import contract
import domain
import records
import runtime
import starter
import storage
import workflows
from activities.export.verification import TroubleCode
from contract.steps import StepData
from domain.export.manifest import WarningCode, WrittenAs
from domain.lines.explanation import SENTENCES
from domain.messaging import MAILED
from domain.policy import CancellationPolicy
from domain.reconciliation import FindingKind
from domain.remedies import WORDS, RemedyKind
from domain.vocabulary import Event, Question, Stage
from tests.support.refusals import examples_of, refusals

ROOT = Path(__file__).parents[2]
PACKAGES = (domain, contract, storage, records, runtime, activities, workflows, starter)
TEMPORAL = (ROOT / "docs" / "temporal.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
BASES = (
    contract.Message,
    contract.Request,
    contract.ReceivedRequest,
    contract.AboutCase,
    contract.AboutMigration,
)
MESSAGES = [
    message
    for _, message in inspect.getmembers(contract, inspect.isclass)
    if message.__module__.startswith("contract.")
    and not issubclass(message, StepData)
    and issubclass(message, BaseModel)
    and not issubclass(message, RootModel)
    and message not in BASES
]


def section(heading: str, document: str = TEMPORAL) -> str:
    """The text under a heading, up to the next of the same level or above."""
    found = re.search(rf"^(#+) {re.escape(heading)}\n", document, re.MULTILINE)
    assert found, f"there is no section {heading!r}"
    rest = document[found.end() :]
    after = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
    return rest[: after.start()] if after else rest


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors_of(document: Path) -> set[str]:
    """The anchors that renderers make of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(document.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_refusal_code_is_in_the_table_and_no_other() -> None:
    codes = section("Refusals").partition("### Remedies")[0]
    documented = re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", codes, re.MULTILINE)
    assert sorted(documented) == sorted({refusal.code for refusal in refusals()})


def test_every_kind_of_finding_is_in_the_table_and_no_other() -> None:
    table = section("ReconciliationReport")
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| [^|]+ \| [^|]+ \|$", table, re.MULTILINE)
    documented = [kind for row in rows for kind in re.findall(r"`(\w+)`", row)]
    assert sorted(documented) == sorted(kind.value for kind in FindingKind)


def test_every_kind_of_remedy_is_in_the_table_with_its_values_and_its_words() -> None:
    documented = re.findall(r"^\| `(\w+)` \| ([^|]+) \| (.+) \|$", section("Remedies"), re.MULTILINE)
    values = {
        example.remedy.kind: sorted(example.remedy.values)
        for refusal in refusals()
        for example in examples_of(refusal)
        if example.remedy
    }
    assert [(kind, re.findall(r"`(\w+)`", names), words) for kind, names, words in documented] == [
        (kind, values[kind], WORDS[kind].replace("!r}", "}")) for kind in RemedyKind
    ]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.__name__)
def test_every_message_has_an_example_with_every_field_that_the_contract_accepts(message: type[BaseModel]) -> None:
    example = re.search(r"^```json\n(.*?)^```", section(message.__name__), re.MULTILINE | re.DOTALL)
    assert example
    values = json.loads(example[1])
    message.model_validate(values)
    assert set(values) == set(message.model_fields) - {"signature"}  # which is no caller's business


def test_every_name_of_the_contract_is_documented() -> None:
    names = {value for name, value in vars(contract).items() if name.isupper() and isinstance(value, str)}
    attributes = {key.name for key in contract.SEARCH_ATTRIBUTES}
    missing = {name for name in names | attributes if f"`{name}`" not in TEMPORAL}
    assert not missing
    assert f"`{contract.cancellation_workflow_id('SUB-1003')}`" in TEMPORAL


def test_every_update_signal_and_query_is_in_the_table_of_its_kind() -> None:
    names = section("Names")
    for name in (value for key, value in vars(contract).items() if key.startswith("UPDATE_")):
        assert re.search(rf"^\| `{name}` \| `\w+` \|", names, re.MULTILINE)
    assert len(re.findall(rf"^\| `{contract.REQUEST_REVERSAL}` \|", names, re.MULTILINE)) == 2


def test_search_attributes_are_documented_with_their_types() -> None:
    for key in contract.SEARCH_ATTRIBUTES:
        kind = key.indexed_value_type.name.title().replace("_", "")
        assert re.search(rf"^\| `{key.name}` \| {kind} \|", section("Search attributes"), re.MULTILINE)


def test_every_question_and_stage_is_named_where_callers_look() -> None:
    assert not [question for question in Question if f"`{question}`" not in section("StartCancellation")]
    assert not [stage for stage in Stage if f"`{stage}`" not in section("CancellationStatus")]


def test_every_statement_is_in_the_table_with_its_sentence_and_no_other() -> None:
    documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|$", section("Statement"), re.MULTILINE))
    assert set(documented) == {code.value for code in SENTENCES}
    for code, sentence in SENTENCES.items():
        named = {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}
        assert set(re.findall(r"\*(\w+)\*", documented[code])) == named
        literals = [literal.strip() for literal, _, _, _ in Formatter().parse(sentence)]
        assert all(literal in documented[code] for literal in literals)


def test_every_event_and_every_duration_is_documented() -> None:
    messages = (ROOT / "docs" / "messages.md").read_text(encoding="utf-8")
    assert not [event for event in Event if f"`{event}`" not in messages]
    assert all(re.search(rf"^\| `{event}` \|", messages, re.MULTILINE) for event in MAILED)
    imports = (ROOT / "docs" / "import-format.md").read_text(encoding="utf-8")
    assert not [duration for duration in CancellationPolicy.model_fields if f"`{duration}`" not in imports]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading_that_exist(document: Path) -> None:
    text = without_code(document.read_text(encoding="utf-8"))
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        led_to = (document.parent / path).resolve() if path else document
        if not led_to.exists() or (anchor and anchor not in anchors_of(led_to)):
            broken.append(target)
    assert not broken


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        reached.add(document)
        for target in re.findall(r"\]\(([^)#\s]+\.md)", without_code(document.read_text(encoding="utf-8"))):
            led_to = (document.parent / target).resolve()
            if led_to.exists() and led_to not in reached:
                ahead.append(led_to)
    assert not [str(path.relative_to(ROOT)) for path in DOCUMENTS if path not in reached]


def test_every_warning_and_every_way_to_write_a_value_of_an_export_is_documented() -> None:
    text = (ROOT / "docs" / "export-format.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `(\w+)` \|", text.partition("## Warnings")[2].partition("\n## ")[0], re.MULTILINE)
    assert documented == list(get_args(WarningCode))
    assert all(f"`{name}`" in text for name in (*get_args(WrittenAs), *get_args(TroubleCode)))
