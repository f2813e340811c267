"""Refusals of an import: each by its path and code, and all of them at once."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from domain.imports.refusals import SHOWN_PROBLEMS, ImportMalformed
from records.billing.credit_memos import post_credit_memo
from records.imports import import_content
from records.transaction import Transaction
from tests.support.import_documents import LINE, NOON, Document, Import, line, problems

Edit = Callable[[Document], object]

ORGANIZATION = "organizations[0]"


def organization(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = document["organizations"][0]
    return found


def alone(document: Document, **changes: object) -> None:
    """Change the organization and leave out what refers to it."""
    organization(document).update(changes)
    document["subscriptions"].clear()
    document["invoices"].clear()


def plan(identifier: str) -> dict[str, Any]:
    return {"id": identifier, "kind": "renewal", "effective_on": "2027-01-01", "terms": {"price": "1.00"}}


def copied(entries: list[dict[str, Any]], **changes: object) -> None:
    entries.append({**entries[0], **changes})


OF_THE_DOCUMENT: list[tuple[Edit, str, str]] = [
    (lambda d: d.update(polices={}), "polices", "field_unknown"),
    (lambda d: d.update(invoices={}), "invoices", "field_malformed"),
    (lambda d: d["invoices"][0].update(line="a\x00b"), "invoices[0].line", "identifier_malformed"),
    (lambda d: d["organizations"][0].update(policy="\ud800"), "organizations[0].policy", "field_malformed"),
    (lambda d: line(d).update(notice_period="\ud800"), f"{LINE}.notice_period", "formula_malformed"),
    (lambda d: d["invoices"].append(7), "invoices[1]", "field_malformed"),
    (lambda d: d["policies"].update({"a b": {}}), 'policies."a b"', "identifier_malformed"),
    (lambda d: d["policies"]["patient"].update(intake_timeout=60), "policies.patient.intake_timeout", "field_malformed"),
    (lambda d: d["policies"]["patient"].update(patience=1), "policies.patient.patience", "field_unknown"),
    (lambda d: organization(d).pop("url"), f"{ORGANIZATION}.url", "field_missing"),
    (lambda d: organization(d).update(url="contoso"), f"{ORGANIZATION}.url", "url_malformed"),
    (lambda d: alone(d, id="a/b"), f"{ORGANIZATION}.id", "identifier_malformed"),
    (lambda d: organization(d).update(unique_name="a\0b"), f"{ORGANIZATION}.unique_name", "field_malformed"),
    (lambda d: organization(d).update(time_zone="Mars/Base"), f"{ORGANIZATION}.time_zone", "time_zone_unknown"),
    (lambda d: organization(d).update(platform="mainframe"), f"{ORGANIZATION}.platform", "field_malformed"),
    (
        lambda d: organization(d).update(billing_administrator="ann"),
        f"{ORGANIZATION}.billing_administrator",
        "field_malformed",
    ),
    (lambda d: organization(d).update(policy="hasty"), f"{ORGANIZATION}.policy", "policy_unknown"),
    (
        lambda d: organization(d)["marketing_service"]["campaigns"][0]["activities"][0].update(state="stopped"),
        f"{ORGANIZATION}.marketing_service.campaigns[0].activities[0].state",
        "field_malformed",
    ),
    (
        lambda d: copied(d["organizations"], url="https://o.example.com", unique_name="o", marketing_service=None),
        "organizations[1].id",
        "duplicate_id",
    ),
    (
        lambda d: copied(
            d["organizations"],
            id="ORG-2",
            url="HTTPS://Contoso.example.com/",
            unique_name="o",
            marketing_service=None,
        ),
        "organizations[1].url",
        "duplicate_url",
    ),
    (
        lambda d: copied(
            d["organizations"],
            id="ORG-2",
            url="https://o.example.com",
            unique_name="CONTOSO",
            marketing_service=None,
        ),
        "organizations[1].unique_name",
        "duplicate_unique_name",
    ),
    (lambda d: copied(d["contracts"]), "contracts[2].number", "duplicate_id"),
    (lambda d: copied(d["invoices"]), "invoices[1].number", "duplicate_id"),
    (lambda d: d["subscriptions"][0].update(organization="ORG-9"), "subscriptions[0].organization", "organization_unknown"),
    (lambda d: line(d).update(strat_date="2026-01-01"), f"{LINE}.strat_date", "field_unknown"),
    (lambda d: line(d).update(frozen=None), f"{LINE}.frozen", "field_unknown"),
    (lambda d: line(d).update(start_date="2026-02-30"), f"{LINE}.start_date", "date_malformed"),
    (lambda d: line(d).update(start_date=20260101), f"{LINE}.start_date", "date_malformed"),
    (lambda d: line(d).update(initial_term="1 year"), f"{LINE}.initial_term", "formula_malformed"),
    (lambda d: line(d).update(notice_period="-3M"), f"{LINE}.notice_period", "formula_negative"),
    (lambda d: line(d).update(subsequent_term="CM"), f"{LINE}.subsequent_term", "subsequent_term_stands_still"),
    (lambda d: line(d).update(billing_rhythm="<>"), f"{LINE}.billing_rhythm", "field_missing"),
    (lambda d: line(d).update(closed="yes"), f"{LINE}.closed", "field_malformed"),
    (lambda d: line(d).update(subscription="SUB-2"), f"{LINE}.subscription", "subscription_differs"),
    (lambda d: line(d).update(contract="CC-9"), f"{LINE}.contract", "contract_unknown"),
    (lambda d: line(d).update(contract="VC-1"), f"{LINE}.contract", "partner_mismatch"),
    (lambda d: line(d).update(contract=None, contract_line=1), f"{LINE}.contract", "field_missing"),
    (lambda d: line(d).update(end_date="2025-12-30"), f"{LINE}.end_date", "end_before_start"),
    (lambda d: line(d).update(end_date="2026-11-29"), f"{LINE}.end_date", "billed_beyond_end"),
    (lambda d: line(d).update(subsequent_term=None, initial_term="1M"), f"{LINE}.end_date", "billed_beyond_end"),
    (lambda d: line(d).update(start_date="2027-01-01"), f"{LINE}.next_billing_date", "billing_before_start"),
    (lambda d: line(d).update(initial_term="9999Y"), f"{LINE}.start_date", "date_out_of_range"),
    (lambda d: line(d).update(closed=True, term_until="2026-12-31", planned_lines=[]), f"{LINE}.closed", "closed_has_no_term"),
    (lambda d: line(d).update(closed=True), f"{LINE}.planned_lines[0]", "line_closed"),
    (lambda d: line(d)["planned_lines"].append(plan("PLAN-2")), f"{LINE}.planned_lines[1]", "two_planned_lines"),
    (lambda d: d["invoices"][0].update(line="SUB-9-C"), "invoices[0].line", "line_unknown"),
    (lambda d: d["invoices"][0].update(period_end="2026-10-31"), "invoices[0].period_end", "period_reversed"),
    (lambda d: d["invoices"][0].update(kind="credit_memo"), "invoices[0].kind", "field_unknown"),
    (lambda d: d["invoices"][0].update(credits="INV-0"), "invoices[0].credits", "credit_memo_not_imported"),
    (
        lambda d: d["invoices"][0].update(period_end="2026-12-01"),
        "invoices[0].period_end",
        "invoice_beyond_next_billing_date",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "path", "code"), OF_THE_DOCUMENT, ids=[f"{c}@{p}" for _, p, c in OF_THE_DOCUMENT])
def test_a_mistake_is_refused_by_path_and_code(
    imported: Import, document: Document, edit: Edit, path: str, code: str
) -> None:
    edit(document)
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [(path, code)]


OF_THE_DATABASE: list[tuple[Edit, str, str]] = [
    (lambda d: alone(d, id="ORG-2", unique_name="o", marketing_service=None),
     f"{ORGANIZATION}.url", "url_taken"),
    (lambda d: alone(d, id="ORG-2", url="https://o.example.com", marketing_service=None),
     f"{ORGANIZATION}.unique_name", "unique_name_taken"),
    (lambda d: d["contracts"][1].update(partner="customer") or d["subscriptions"].clear() or d["invoices"].clear(),
     "contracts[1].partner", "contract_partner_changed"),
    (lambda d: d["organizations"].append({**organization(d), "id": "ORG-2", "url": "https://o.example.com",
                                          "unique_name": "o", "marketing_service": None})
     or d["subscriptions"][0].update(organization="ORG-2"), "subscriptions[0].organization", "subscription_moved"),
    (lambda d: d["subscriptions"][0].update(id="SUB-2") or d["subscriptions"][0]["lines"].pop(), LINE, "line_moved"),
    (lambda d: line(d).update(partner="vendor", contract=None), f"{LINE}.partner", "line_partner_changed"),
    (lambda d: line(d).update(contract_line=2), f"{LINE}.contract", "contract_line_changed"),
    (lambda d: line(d).update(id="NEW", planned_lines=[], contract_line=1), f"{LINE}.contract_line", "contract_line_taken"),
    (lambda d: line(d).update(planned_lines=[plan("PLAN-2")]), f"{LINE}.planned_lines[0]", "two_planned_lines"),
    (lambda d: line(d).update(end_date="2027-03-31"), f"{LINE}.end_date", "planned_line_exists"),
    (lambda d: line(d).update(subsequent_term=None), f"{LINE}.subsequent_term", "notice_without_subsequent_term"),
    (lambda d: d["invoices"][0].update(period_start="2026-11-02"), "invoices[0]", "invoice_changed"),
    (lambda d: organization(d)["marketing_service"]["campaigns"].append(
        {"id": "CMP-2", "name": "New", "activities": organization(d)["marketing_service"]["campaigns"][0].pop("activities")}),
     f"{ORGANIZATION}.marketing_service.campaigns[1].activities[0]", "activity_moved"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "path", "code"), OF_THE_DATABASE, ids=[c for _, _, c in OF_THE_DATABASE])
def test_a_conflict_with_what_there_is_is_refused_by_path_and_code(
    imported: Import, document: Document, edit: Edit, path: str, code: str
) -> None:
    imported(document)
    edit(document)
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [(path, code)]


def test_a_number_under_which_a_credit_memo_was_posted_is_not_an_invoices(
    imported: Import, document: Document, engine: Engine
) -> None:
    imported(document)
    with Transaction.begin(engine) as transaction:
        post_credit_memo(transaction, "INV-1", number="CM-1", actor="billing", at=NOON)
    copied(document["invoices"], number="CM-1")
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [("invoices[1]", "invoice_changed")]


def test_everything_wrong_is_reported_at_once(imported: Import, document: Document) -> None:
    imported(document)
    organization(document)["time_zone"] = "Mars/Base"
    line(document).update(start_date="tomorrow", contract="CC-9", notice_period="soon")
    document["subscriptions"][0]["lines"][1]["contract"] = "CC-1"
    document["invoices"][0].update(line="SUB-9-C", period_start="2026-11-02")
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert sorted(problems(refused)) == [
        ("invoices[0]", "invoice_changed"),
        ("invoices[0].line", "line_unknown"),
        ("organizations[0].time_zone", "time_zone_unknown"),
        ("subscriptions[0].lines[0].contract", "contract_unknown"),
        ("subscriptions[0].lines[0].notice_period", "formula_malformed"),
        ("subscriptions[0].lines[0].start_date", "date_malformed"),
        ("subscriptions[0].lines[1].contract", "contract_line_changed"),
        ("subscriptions[0].lines[1].contract", "partner_mismatch"),
    ]


def test_a_mistake_is_not_reported_again_by_what_refers_to_it(imported: Import, document: Document) -> None:
    organization(document)["purpose"] = "fun"
    document["contracts"][0]["partner"] = "friend"
    document["subscriptions"][0]["description"] = 7
    with pytest.raises(ImportMalformed) as refused:
        imported(document)
    assert problems(refused) == [
        ("organizations[0].purpose", "field_malformed"),
        ("contracts[0].partner", "field_malformed"),
        ("subscriptions[0].description", "field_malformed"),
    ]


def test_many_problems_are_counted_and_not_all_shown(imported: Import) -> None:
    with pytest.raises(ImportMalformed) as refused:
        imported({"contracts": [{}] * SHOWN_PROBLEMS})
    details = refused.value.details
    assert (len(details.problems), details.not_shown) == (SHOWN_PROBLEMS, SHOWN_PROBLEMS)
    assert f"and {SHOWN_PROBLEMS} more problems, not shown" in refused.value.message


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b'{"invoices": [\n  {"number" 1}]}', {"line": "2", "column": "13"}),
        (b'{\n"a": "\xff"}', {"line": "2", "column": "7"}),
        (b'{"a": NaN}', {}),
        (b"[" * 100_000, {}),
        (b'{"a": 1' + b"0" * 5000 + b"}", {}),
    ],
    ids=["syntax", "encoding", "number", "depth", "digits"],
)
def test_what_is_no_json_is_refused_with_its_line_and_column(
    engine: Engine, content: bytes, values: dict[str, str]
) -> None:
    with pytest.raises(ImportMalformed) as refused:
        import_content(engine, content, actor="tester", at=NOON, source="test.json")
    assert problems(refused) == [("", "json_malformed")]
    assert refused.value.problems[0].refusal.values == values


def test_a_name_written_twice_is_refused_instead_of_lost(engine: Engine) -> None:
    content = b'{"contracts": [{"number": "C-1", "number": "C-2", "partner": "vendor"}]}'
    with pytest.raises(ImportMalformed) as refused:
        import_content(engine, content, actor="tester", at=NOON, source="test.json")
    assert problems(refused) == [("contracts[0].number", "field_repeated")]


def test_the_refusal_tells_programs_every_problem_by_path(imported: Import) -> None:
    with pytest.raises(ImportMalformed) as refused:
        imported({"subscriptions": [{"id": "S", "organization": "O"}]})
    told = json.loads(refused.value.details.model_dump_json())
    assert told["code"] == "import_malformed"
    assert told["problems"][0]["path"] == "subscriptions[0].organization"
    assert told["problems"][0]["code"] == "organization_unknown"
