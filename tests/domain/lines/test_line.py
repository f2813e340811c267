from datetime import date, datetime

import pytest
from pydantic import ValidationError

from domain.lines.date_formula import DateFormula
from domain.lines.line import EndBeforeStart, Partner, SubscriptionLine
from domain.refusals import Refusal
from tests.domain.lines.date_strategies import a_line


def test_a_line_is_written_with_the_field_names_of_every_surface() -> None:
    line = a_line(subscription="SUB-1", contract="C-1", initial_term="1y", notice_period="<3M>", partner="vendor")
    assert line.model_dump(mode="json") == {
        "id": "L1",
        "subscription": "SUB-1",
        "partner": "vendor",
        "contract": "C-1",
        "start_date": "2026-01-01",
        "initial_term": "1Y",
        "subsequent_term": None,
        "notice_period": "3M",
        "billing_rhythm": "1M",
        "next_billing_date": None,
        "term_until": None,
        "cancellation_possible_until": None,
        "end_date": None,
        "open_billing_line": False,
        "closed": False,
        "frozen": False,
    }
    assert SubscriptionLine.model_validate_json(line.model_dump_json()) == line


@pytest.mark.parametrize("unset", [None, "", "  "])
def test_absent_null_and_blank_mean_not_set(unset: str | None) -> None:
    line = a_line(initial_term=unset, end_date=unset, closed=unset, partner=unset, contract=unset)
    assert line == a_line()
    assert line.partner is Partner.CUSTOMER


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"initial_term": "1X"}, "formula_malformed", "initial_term"),
        ({"notice_period": "WD4"}, "formula_form_unsupported", "notice_period"),
        ({"notice_period": "9" * 400 + "D"}, "formula_number_too_large", "notice_period"),
        ({"initial_term": "-1Y"}, "formula_negative", "initial_term"),
        ({"subsequent_term": "1Y-1D"}, "formula_negative", "subsequent_term"),
        ({"notice_period": "-3M"}, "formula_negative", "notice_period"),
        ({"billing_rhythm": "-1M"}, "formula_negative", "billing_rhythm"),
        ({"billing_rhythm": ""}, "field_missing", "billing_rhythm"),
        ({"start_date": None}, "field_missing", "start_date"),
        ({"subsequent_term": "CM"}, "subsequent_term_stands_still", "subsequent_term"),
        ({"subsequent_term": "0D"}, "subsequent_term_stands_still", "subsequent_term"),
        ({"end_date": "2025-12-30"}, "end_before_start", "end_date"),
        ({"term_until": "2026-02-30"}, "date_malformed", "term_until"),
        ({"term_until": "31.12.2026"}, "date_malformed", "term_until"),
        ({"term_until": 20261231}, "date_malformed", "term_until"),
        ({"term_until": "2026-12-31T00:00:00Z"}, "date_malformed", "term_until"),
        ({"partner": "reseller"}, "field_malformed", "partner"),
        ({"closed": "perhaps"}, "field_malformed", "closed"),
    ],
)
def test_an_invalid_line_is_refused_with_a_code_and_the_field(fields: dict[str, object], code: str, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        a_line(**fields)
    assert refused.value.code == code
    assert refused.value.values["field"] == field
    assert refused.value.message.startswith(f"{field}: ")


def test_a_line_made_the_plain_way_raises_the_error_of_pydantic() -> None:
    with pytest.raises(ValidationError, match="minus sign") as invalid:
        SubscriptionLine.model_validate({"id": "L1", "start_date": "2026-01-01", "billing_rhythm": "-1M"})
    assert "billing_rhythm" in invalid.value.json(), "the error can be written as JSON, as an HTTP answer needs"


def test_an_instant_is_not_taken_for_a_day() -> None:
    with pytest.raises(ValidationError):
        SubscriptionLine(id="L1", start_date=datetime(2026, 1, 1), billing_rhythm=DateFormula.parse("1M"))  # noqa: DTZ001


def test_a_revised_line_is_validated_again() -> None:
    with pytest.raises(EndBeforeStart):
        a_line().revised(end_date=date(2025, 1, 1))
    assert a_line(end_date="2026-05-01").revised(end_date=None) == a_line()
