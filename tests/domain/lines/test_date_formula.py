from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from domain.civil_dates import DateOutOfRange
from domain.lines.date_formula import (
    DateFormula,
    FormulaTerm,
)
from domain.lines.formula_refusals import (
    FormulaEmpty,
    FormulaFormUnsupported,
    FormulaMalformed,
    FormulaNumberTooLarge,
    FormulaRefused,
    FormulaTooLong,
)
from tests.domain.lines.date_strategies import modest

any_term = st.tuples(
    st.sampled_from(["", "+", "-"]), st.just("C") | st.integers(0, 9_999_999).map(str), st.sampled_from("DWMQYdwmqy")
).map("".join)
any_formula = st.lists(any_term, min_size=1, max_size=4).map("".join).map(DateFormula.parse)


@pytest.mark.parametrize(
    ("start", "formula", "result"),
    [
        ("2026-01-31", "1M", "2026-02-28"),
        ("2028-01-31", "1M", "2028-02-29"),
        ("2028-02-29", "1Y", "2029-02-28"),
        ("2026-03-31", "-1M", "2026-02-28"),
        ("2026-01-15", "1M+CM", "2026-02-28"),
        ("2026-01-15", "CM+1M", "2026-02-28"),
        ("2026-01-15", "CM+1D", "2026-02-01"),
        ("2026-05-05", "CQ", "2026-06-30"),
        ("2026-05-05", "-CQ", "2026-04-01"),
        ("2026-05-05", "CY", "2026-12-31"),
        ("2026-05-05", "-CY", "2026-01-01"),
        ("2026-05-05", "-CM", "2026-05-01"),
        ("2026-11-22", "CW", "2026-11-22"),
        ("2026-11-22", "-CW", "2026-11-16"),
        ("2026-11-23", "CW", "2026-11-29"),
        ("2026-05-05", "CD", "2026-05-05"),
        ("2026-05-05", "-CD", "2026-05-05"),
        ("2026-05-05", "2W", "2026-05-19"),
        ("2026-05-05", "2Q-1D", "2026-11-04"),
        ("2026-12-31", "1D-1Y", "2026-01-01"),
        ("2026-12-31", "0D", "2026-12-31"),
    ],
)
def test_terms_apply_from_left_to_right(start: str, formula: str, result: str) -> None:
    assert DateFormula.parse(formula).apply(date.fromisoformat(start)) == date.fromisoformat(result)


@pytest.mark.parametrize("text", ["1M+CM", "1m+cm", "<1M+CM>", " < 1 M + C M > ", "+1M+CM", "1M CM", "01M+CM"])
def test_case_spaces_brackets_and_plus_signs_do_not_matter(text: str) -> None:
    assert str(DateFormula.parse(text)) == "1M+CM"
    assert DateFormula.parse(text) == DateFormula.parse("1M+CM")
    assert hash(DateFormula.parse(text)) == hash(DateFormula.parse("1M+CM"))


@pytest.mark.parametrize("text", ["WD4", "wd4", "D15", "1M+D15", "1MD15", "1WD", "<-WD1>", "M3", "W 4", "CM+WD5"])
def test_weekdays_and_days_of_the_month_are_refused_by_name(text: str) -> None:
    with pytest.raises(FormulaFormUnsupported, match="weekday"):
        DateFormula.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "1X",
        "1",
        "M",
        "+",
        "1M+",
        "--1M",
        "1.5M",
        "1 0M",
        "<1M",
        "1M>",
        "<<1M>>",
        "C",
        "1M,1D",
        "\u0661M",
        "1\u041c",
        "1M\n1",
    ],
)
def test_what_the_grammar_does_not_know_is_refused(text: str) -> None:
    with pytest.raises(FormulaMalformed):
        DateFormula.parse(text)


@pytest.mark.parametrize("text", ["", "   ", "<>", " <> "])
def test_an_empty_text_is_no_formula(text: str) -> None:
    with pytest.raises(FormulaEmpty):
        DateFormula.parse(text)


@pytest.mark.parametrize("text", ["9" * 400 + "D", "9" * 5000 + "Y", "10000000D", "1M-99999999D"])
def test_numbers_that_leave_the_calendar_from_every_date_are_refused(text: str) -> None:
    with pytest.raises(FormulaNumberTooLarge) as refused:
        DateFormula.parse(text)
    assert len(refused.value.message) < 200, "the refusal does not repeat hundreds of digits"


def test_leading_zeros_do_not_make_a_number_large() -> None:
    assert str(DateFormula.parse("0" * 400 + "3M")) == "3M"


def test_a_formula_of_very_many_terms_is_refused() -> None:
    with pytest.raises(FormulaTooLong):
        DateFormula.parse("1D" * 100_000)


def test_a_formula_cannot_be_made_wrong() -> None:
    with pytest.raises(FormulaEmpty):
        DateFormula(())
    with pytest.raises(FormulaNumberTooLarge):
        FormulaTerm(-1, "D")
    with pytest.raises(FormulaMalformed):
        FormulaTerm(1, "X")  # type: ignore[arg-type]
    with pytest.raises(AttributeError):
        DateFormula.parse("1M").terms = ()  # type: ignore[misc]


@pytest.mark.parametrize(("text", "reverse"), [("3M", "-3M"), ("1M+CM", "-1M-CM"), ("-1Y+1D", "1Y-1D"), ("0D", "-0D")])
def test_the_reverse_flips_every_sign(text: str, reverse: str) -> None:
    assert str(DateFormula.parse(text).reversed()) == reverse


@pytest.mark.parametrize("text", ["1D", "2W", "1M", "CM+1D", "1D+CM", "0D+1Y"])
def test_a_length_moves_every_date_forward(text: str) -> None:
    assert DateFormula.parse(text).moves_every_date_forward


@pytest.mark.parametrize("text", ["CM", "0D", "CY+CM", "0Y", "1M-1M", "-1D", "CD"])
def test_edges_zeros_and_minus_signs_do_not_move_every_date_forward(text: str) -> None:
    assert not DateFormula.parse(text).moves_every_date_forward


@pytest.mark.parametrize(
    ("text", "expected"), [("3M", True), ("1Q+CM", True), ("1Y+1D", False), ("CW", False), ("14D", False)]
)
def test_only_months_quarters_and_years_are_month_based(text: str, expected: bool) -> None:
    assert DateFormula.parse(text).month_based is expected


@pytest.mark.parametrize(
    ("day", "text"), [(date.max, "1D"), (date.min, "-1D"), (date.max, "CW"), (date.max, "1Y-1Y"), (date.min, "-1M")]
)
def test_leaving_the_calendar_is_refused_by_name_even_on_the_way(day: date, text: str) -> None:
    with pytest.raises(DateOutOfRange) as refused:
        DateFormula.parse(text).apply(day)
    assert refused.value.code == "date_out_of_range"


def test_a_model_reads_a_formula_from_text_and_writes_text() -> None:
    class Contract(BaseModel):
        term: DateFormula
        notice: DateFormula | None = None

    contract = Contract.model_validate_json('{"term": "1y + cm"}')
    assert contract.term == DateFormula.parse("1Y+CM")
    assert contract.model_dump() == {"term": "1Y+CM", "notice": None}
    assert Contract.model_json_schema()["properties"]["term"]["type"] == "string"
    with pytest.raises(ValidationError, match="WD4"):
        Contract.model_validate({"term": "WD4"})
    with pytest.raises(ValidationError):
        Contract.model_validate({"term": 3})


@modest
@given(any_formula)
def test_the_canonical_form_reads_back_as_the_same_formula(formula: DateFormula) -> None:
    assert DateFormula.parse(str(formula)) == formula
    assert formula.reversed().reversed() == formula


@modest
@given(any_formula, st.dates())
def test_no_date_leaves_the_calendar_without_a_refusal(formula: DateFormula, day: date) -> None:
    with suppress(DateOutOfRange):
        assert isinstance(formula.apply(day), date)


@modest
@given(any_formula, st.dates())
def test_a_formula_said_to_move_forward_does(formula: DateFormula, day: date) -> None:
    if formula.moves_every_date_forward:
        with suppress(DateOutOfRange):
            assert formula.apply(day) > day


@modest
@given(any_formula, st.dates())
def test_a_formula_of_fixed_days_moves_every_date_by_them(formula: DateFormula, day: date) -> None:
    if formula.fixed_days is not None:
        with suppress(DateOutOfRange):
            assert (formula.apply(day) - day).days == formula.fixed_days


@modest
@given(st.text(alphabet="CDWMQYX0123456789+-<> .\u00e4"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(FormulaRefused):
        assert DateFormula.parse(str(DateFormula.parse(text))) == DateFormula.parse(text)
