import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from starter.cli.main import app

OFFRAMP = Path(sys.executable).with_name("offramp")
LINE = {"id": "L1", "start_date": "2026-01-01", "subsequent_term": "1Y", "notice_period": "3M", "billing_rhythm": "1M"}
CALCULATED = LINE | {"term_until": "2026-12-31", "cancellation_possible_until": "2026-09-30"}


def dates(*arguments: str, given: object) -> Result:
    """Run ``offramp dates``; ``given`` are the lines of input, as text or to be written as JSON."""
    rows = given if isinstance(given, list) else [given]
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    return CliRunner().invoke(app, ["dates", *arguments], input=text)


def answers(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_calculate_gives_a_new_line_its_dates() -> None:
    result = dates("calculate", given=LINE | {"initial_term": "1Y"})
    assert result.exit_code == 0
    (line,) = answers(result)
    assert line["term_until"] == "2026-12-31"
    assert line["cancellation_possible_until"] == "2026-09-30"
    assert line["end_date"] is None


def test_update_closes_and_rolls_as_of_a_day() -> None:
    ended = CALCULATED | {"id": "L2", "end_date": "2026-09-30", "next_billing_date": "2026-10-01"}
    rolled, closed = answers(dates("update", "--as-of", "2026-10-01", given=[CALCULATED, ended]))
    assert (rolled["action"], rolled["term_until"], rolled["closed"]) == ("rolled", "2027-12-31", False)
    assert (closed["action"], closed["term_until"], closed["closed"]) == ("closed", None, True)


def test_decide_answers_with_the_end_date_and_the_reasons() -> None:
    (line,) = answers(dates("decide", "--received-on", "2026-10-04", given=CALCULATED))
    assert line["end_date"] == "2027-12-31"
    assert [step["text"] for step in line["explanation"]] == [
        "deadline 2026-09-30 missed by 4 days; extends by 1Y to 2027-12-31",
        "deadline 2027-09-30 met; term until 2027-12-31",
        "the line ends on 2027-12-31",
    ]
    assert line["explanation"][0] == {
        "code": "deadline_missed",
        "values": {"deadline": "2026-09-30", "days": 4, "subsequent_term": "1Y", "term_until": "2027-12-31"},
        "text": "deadline 2026-09-30 missed by 4 days; extends by 1Y to 2027-12-31",
    }
    assert line["one_day_later_explanation"]["code"] == "later_same_end"
    assert line["in_due_time"] is False
    assert line["one_day_later"] == "2027-12-31"


def test_decide_takes_a_wish_and_goodwill() -> None:
    wish = ("--received-on", "2026-10-04", "--terminate-on", "2026-11-15")
    assert answers(dates("decide", *wish, given=CALCULATED))[0]["end_date"] == "2027-12-31"
    assert answers(dates("decide", *wish, "--goodwill", given=CALCULATED))[0]["end_date"] == "2026-11-15"


def test_unknown_fields_pass_through_and_the_order_of_fields_stays() -> None:
    text = (
        '{"z":1,"term_until":null,"price":100.10,"huge":1e400,"exact":0.12345678901234567890,"name":"Zoë","deep":{"b":[1,{"a":null}]},'
        + json.dumps(LINE)[1:]
    )
    result = dates("calculate", given=text)
    assert result.exit_code == 0
    assert list(answers(result)[0]) == [*json.loads(text), "cancellation_possible_until", "end_date"]
    for untouched in (
        '"price":100.10,',
        '"huge":1e400,',
        '"exact":0.12345678901234567890,',
        '"name":"Zoë"',
        '"deep":{"b":[1,{"a":null}]}',
    ):
        assert untouched in result.stdout


@pytest.mark.parametrize(
    ("bad", "line_id", "code"),
    [
        (LINE | {"subsequent_term": "CM"}, "L1", "subsequent_term_stands_still"),
        (LINE | {"notice_period": "WD4"}, "L1", "formula_form_unsupported"),
        (LINE | {"notice_period": "9" * 400 + "D"}, "L1", "formula_number_too_large"),
        (LINE | {"initial_term": "9999Y"}, "L1", "date_out_of_range"),
        (LINE | {"start_date": "2026-02-30"}, "L1", "date_malformed"),
        (LINE | {"start_date": 1.50}, "L1", "date_malformed"),
        (LINE | {"end_date": "2025-12-30"}, "L1", "end_before_start"),
        ({"id": 17}, 17, "field_missing"),
        ({"start_date": "2026-01-01", "billing_rhythm": "1M"}, None, "field_missing"),
        ("[1, 2]", None, "json_malformed"),
        ('{"id": "L1", "start_date": ', None, "json_malformed"),
        ('{"id": "L1", "price": NaN}', None, "json_malformed"),
        ('{"id": ' + "9" * 5000 + "}", None, "json_malformed"),
        ("[" * 100_000, None, "json_malformed"),
    ],
)
def test_a_bad_line_is_answered_by_its_id_and_the_rest_goes_on(bad: object, line_id: object, code: str) -> None:
    result = dates("calculate", given=[bad, LINE])
    refused, good = answers(result)
    error = refused["error"]
    assert isinstance(error, dict)
    assert list(refused) == ["id", "error"]
    assert (refused["id"], error["code"]) == (line_id, code)
    assert error["message"]
    assert good["id"] == "L1"
    assert "error" not in good
    assert result.exit_code == 1


def test_a_refused_wish_is_an_answer_for_the_line_that_it_concerns() -> None:
    result = dates(
        "decide", "--received-on", "2026-10-04", "--terminate-on", "2027-06-30",
        given=[CALCULATED | {"end_date": "2026-12-31"}, CALCULATED],
    )  # fmt: skip
    refused, decided = answers(result)
    assert refused == {"id": "L1", "error": refused["error"]}
    assert "01.01" not in str(refused)
    assert "wish_after_end_date" in str(refused)
    assert decided["end_date"] == "2027-12-31"
    assert result.exit_code == 1


def test_numbers_are_quoted_in_messages_as_they_were_written() -> None:
    result = dates("calculate", given='{"id":1.50,"start_date":1e400,"billing_rhythm":"1M"}')
    assert '"id":1.50' in result.stdout
    assert "start_date: '1e400' is not a date" in result.stdout


def test_empty_lines_and_a_byte_order_mark_are_no_lines() -> None:
    result = dates("calculate", given="\ufeff" + json.dumps(LINE) + "\n\n  ")
    assert result.exit_code == 0
    assert len(answers(result)) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("update",),
        ("update", "--as-of", "2026-02-30"),
        ("update", "--as-of", "20260930"),
        ("update", "--as-of", "today"),
        ("decide", "--terminate-on", "2026-12-31"),
        ("decide", "--received-on", "2026-10-04", "--terminate-on", "31.12.2026"),
        ("guess",),
    ],
)
def test_a_wrong_call_has_status_2_and_answers_no_line(arguments: tuple[str, ...]) -> None:
    result = dates(*arguments, given=LINE)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_lines_are_answered_while_the_input_still_goes_on() -> None:
    with subprocess.Popen([OFFRAMP, "dates", "calculate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write((json.dumps(LINE) + "\n").encode() * 300)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["term_until"] == "2026-03-31"
        process.stdin.close()
        assert len(process.stdout.readlines()) == 299


def test_the_output_of_one_command_is_the_input_of_the_next_and_a_reader_may_stop_early() -> None:
    pipeline = f"{OFFRAMP} dates calculate | {OFFRAMP} dates update --as-of 2026-11-22 | head -n 1"
    many = (json.dumps(LINE) + "\n") * 3000
    done = subprocess.run(["sh", "-c", pipeline], input=many, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["action"] == "rolled"
    assert done.stderr == ""


def test_the_exit_status_reaches_the_shell() -> None:
    bad = json.dumps(LINE | {"billing_rhythm": ""})
    done = subprocess.run([OFFRAMP, "dates", "calculate"], input=bad, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "field_missing"
    assert done.stderr == ""
