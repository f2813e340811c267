"""Letters: every one in text and in HTML, and the facts that each must contain."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from activities.messaging.letters import Letter, letter
from domain.messaging import MAILED
from domain.vocabulary import Event, Stage
from tests.activities.messaging.letter_samples import (
    ALL_LETTERS,
    ERASURE,
    EVERY_LETTER,
    EXPORT,
    LINK,
    MIGRATION,
    SYSTEM_TASK,
    stopping,
)
from tests.activities.messaging.samples import facts, line_facts

any_letter = pytest.mark.parametrize("written", ALL_LETTERS.values(), ids=ALL_LETTERS.keys())
every_letter = pytest.mark.parametrize("written", EVERY_LETTER.values(), ids=EVERY_LETTER.keys())


class _Words(HTMLParser):
    """The words of an HTML page's body, as a reader sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self._hidden += tag in ("head", "h1")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("head", "h1")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words += re.findall(r"[\w.@/]*\w", data)


def words_of(html: str) -> list[str]:
    parser = _Words()
    parser.feed(html)
    return parser.words


def flowing(written: Letter) -> str:
    return " ".join(written.text.split())


def test_every_mailed_event_has_a_letter() -> None:
    for event in MAILED:
        stage = Stage.CANCELED if event in (Event.EFFECTIVE, Event.REVERSAL_REMINDER) else Stage.CLOSED
        about = (stopping() if event.startswith("marketing.") else {}) | {"system_task": SYSTEM_TASK}
        of = line_facts if event.startswith("line_cancellation.") else facts
        assert letter(event, of(stage, export=EXPORT, erasure=ERASURE, migration=MIGRATION, **about)).subject


@any_letter
def test_text_and_html_say_the_same_words(written: Letter) -> None:
    assert words_of(written.html) == re.findall(r"[\w.@/]*\w", written.text)


@any_letter
def test_a_letter_shows_no_raw_value_and_loads_nothing(written: Letter) -> None:
    for shown in (written.subject, written.text, written.html):
        assert not re.search(r"\bNone\b|\{\{|\{%|datetime|no_campaigns|\d{4}-\d{2}-\d{2}|&amp;amp;", shown)
    assert not re.search(r"<img|<script|<link|src=|url\(|@import", written.html)


@any_letter
def test_a_text_fits_its_lines_and_a_subject_its_list(written: Letter) -> None:
    assert max(len(line) for line in written.text.splitlines()) <= 90
    assert "\n\n\n" not in written.text
    assert len(written.subject) <= 90


@every_letter
def test_a_customer_does_not_read_about_vendor_lines(written: Letter) -> None:
    assert "V-1" not in written.text + written.html


def test_names_from_outside_are_escaped_in_html_only() -> None:
    written = EVERY_LETTER["received"]
    assert "CRM <Enterprise>" in written.subject
    assert "CRM <Enterprise>" in written.text
    assert "<Enterprise>" not in written.html
    assert "contoso &amp; sons" in written.html


@pytest.mark.parametrize(
    ("event", "stage"),
    [
        (Event.RECEIVED, Stage.INTAKE),
        (Event.SCHEDULED, Stage.SCHEDULED),
        (Event.REMINDER, Stage.INTAKE),
        (Event.REMINDER, Stage.SCHEDULED),
        (Event.EFFECTIVE, Stage.CANCELED),
        (Event.REVERSAL_REMINDER, Stage.CANCELED),
        (Event.REVERSED, Stage.REVERSED),
        (Event.WITHDRAWN, Stage.WITHDRAWN),
        (Event.ABANDONED, Stage.ABANDONED),
        (Event.CLOSED, Stage.CLOSED),
    ],
)
def test_a_subscription_without_a_description_is_called_by_its_id_once(event: Event, stage: Stage) -> None:
    written = letter(event, facts(stage, description=" "))
    assert "  " not in written.subject
    assert "SUB-1001" in written.subject
    for hole in ("(SUB-1001)", "of of", "subscription of", "to ends", " ,", " ."):
        assert hole not in f"{written.subject} {flowing(written)}"


def test_the_acknowledgement_states_content_date_time_and_end_dates() -> None:
    said = flowing(EVERY_LETTER["received"])
    assert "Received on: 22 September 2026, 00:30 Europe/Berlin (UTC+02:00)" in said
    assert "Access is to end: on 31 December 2026" in said
    assert "Billing of line L-1 ends on 31 December 2026." in said
    assert "Deadline 30 September 2026 met with 8 days to spare; term until 31 December 2026." in said
    assert "to be credited first: INV-77." in said
    assert "Nothing is missing." in said


def test_the_acknowledgement_says_what_is_open_and_until_when() -> None:
    said = flowing(EVERY_LETTER["received with open questions"])
    assert "Access is to end: not named yet" in said
    assert (
        "- The day on which access is to end - Whether you want to keep your data, and how - The confirmation" in said
    )
    assert "Please answer before 6 October 2026, 00:30 Europe/Berlin (UTC+02:00)." in said
    assert "Nothing is missing." not in said


def test_the_promise_says_when_access_ends_and_what_changed() -> None:
    written = EVERY_LETTER["scheduled otherwise than foretold"]
    assert written.subject.endswith("ends on 31 December 2026")
    assert "Access ends: on 31 December 2026, when that day is over (Europe/Berlin)" in flowing(written)
    assert "What changed since our last message" in flowing(written)
    assert "Billing of line L-1 ends on 31 December 2027, not on 31 December 2026." in flowing(written)
    assert "What changed" not in EVERY_LETTER["scheduled"].text


def test_a_reminder_during_the_intake_asks_and_later_it_reminds_of_the_day() -> None:
    assert EVERY_LETTER["intake reminder"].subject == "Your cancellation of CRM <Enterprise> is waiting for 3 answers"
    assert EVERY_LETTER["reminder"].subject == "Reminder: access to CRM <Enterprise> ends on 31 December 2026"


@pytest.mark.parametrize("which", ["effective", "reversal reminder"])
def test_the_reversal_deadline_is_the_end_of_its_last_day_and_the_letter_says_how_to_reverse(which: str) -> None:
    said = flowing(EVERY_LETTER[which])
    assert "until the end of 30 January 2027 (Europe/Berlin). A request on that last day counts." in said
    assert "Tell us the number SUB-1001/1, and the same information as for the cancellation" in said
    assert "the URL of the organization: https://contoso.crm.example" in said
    assert "the unique name of the organization: contoso & sons" in said


@pytest.mark.parametrize(
    ("deadline", "zone", "said"),
    [
        # The night of the change to summer time: the last moment of the day before is still winter time.
        (datetime(2027, 3, 27, 23, tzinfo=UTC), "Europe/Berlin", "the end of 27 March 2027 (Europe/Berlin)"),
        (datetime(2027, 3, 28, 22, tzinfo=UTC), "Europe/Berlin", "the end of 28 March 2027 (Europe/Berlin)"),
        # Clocks jump over midnight: the day that ends has no 24:00 of its own, and yet it ends.
        (datetime(2027, 3, 27, 22, tzinfo=UTC), "Asia/Beirut", "the end of 27 March 2027 (Asia/Beirut)"),
        # A window that does not end at a midnight, as policies for demonstrations have.
        (
            datetime(2027, 1, 30, 13, 35, tzinfo=UTC),
            "Europe/Berlin",
            "until 30 January 2027, 14:35 Europe/Berlin (UTC+01:00)",
        ),
    ],
)
def test_a_deadline_reads_as_the_last_moment_that_counts(deadline: datetime, zone: str, said: str) -> None:
    written = letter(Event.EFFECTIVE, facts(Stage.CANCELED, reversal_deadline=deadline, time_zone=zone))
    assert said in flowing(written)


@pytest.mark.parametrize("event", [Event.EFFECTIVE, Event.REVERSED, Event.CLOSED])
def test_only_who_had_marketing_stopped_reads_that_it_does_not_come_back(event: Event) -> None:
    stopped = letter(event, facts(Stage.CANCELED, marketing_was_stopped=True))
    assert "marketing service" in flowing(stopped)
    assert "marketing service" not in flowing(letter(event, facts(Stage.CANCELED)))


def test_the_consent_is_asked_for_with_what_would_be_stopped_until_when_and_the_link() -> None:
    said = flowing(EVERY_LETTER["consent"])
    assert "- Spring <sale> (CMP-1): 2 activities to be paused - Brand (CMP-2): 1 activity to be deleted" in said
    assert "Please answer before: 6 October 2026, 00:30 Europe/Berlin (UTC+02:00)" in said
    assert LINK in said
    assert f'href="{LINK}"' in EVERY_LETTER["consent"].html
    assert "tell our support the number SUB-1001/1" in flowing(EVERY_LETTER["consent without pages"])


def test_until_the_ad_centre_acknowledges_every_letter_says_that_ads_may_still_run() -> None:
    for which in ("scheduled while stopping", "closed after a stop", "service canceled"):
        assert "ads may still run and be billed" in flowing(EVERY_LETTER[which]), which
    assert "Your campaigns: stopping; ads may still run and bill" in flowing(EVERY_LETTER["scheduled while stopping"])
    assert "may still run" not in EVERY_LETTER["stopped"].text


def test_who_is_told_that_campaigns_are_kept_reads_why() -> None:
    assert "They have not answered in time." in flowing(EVERY_LETTER["kept"])
    assert "own billing administrator did not agree" in flowing(EVERY_LETTER["scheduled without consent"])


def test_the_certificate_states_what_ended_and_when() -> None:
    said = flowing(EVERY_LETTER["closed"])
    assert EVERY_LETTER["closed"].subject == "Cancellation certificate SUB-1001/1: CRM <Enterprise>"
    for row in (
        "Subscription: CRM <Enterprise> (SUB-1001)",
        "Received on: 22 September 2026, 00:30 Europe/Berlin (UTC+02:00)",
        "Access ended on: 31 December 2026",
        "Could be reversed until: the end of 30 January 2027 (Europe/Berlin)",
        "Closed on: 31 January 2027, 02:00 Europe/Berlin (UTC+01:00)",
        "Billing of line L-2 ends on 31 December 2026.",
    ):
        assert row in said


def test_an_abandoned_request_says_what_was_missing_and_whom_to_ask() -> None:
    said = flowing(EVERY_LETTER["abandoned"])
    assert "Nothing was changed" in said
    assert "The day on which access is to end" in said
    assert "it reaches help@provider.example" in said


def test_a_code_letter_says_until_when_and_that_no_password_is_asked_for() -> None:
    said = flowing(EVERY_LETTER["code"])
    assert "042137" in said
    assert "until 22 September 2026, 00:45 Europe/Berlin (UTC+02:00)" in said
    assert "We never ask for your password." in said


@pytest.mark.parametrize("which", ["export ready", "export reminder"])
def test_the_letter_about_an_export_holds_the_link_until_when_it_works_and_what_to_do_then(which: str) -> None:
    written = EVERY_LETTER[which]
    assert f'href="{LINK}"' in written.html
    said = flowing(written)
    assert f"This link leads to the files until 8 January 2027, 13:00 Europe/Berlin (UTC+01:00): {LINK}" in said
    assert "Rows: 1,234,567" in said
    assert "Size: 48.2 MB" in said
    assert "It also lists 2 kinds of places where a workbook cannot hold a value exactly" in said
    assert "We erase nothing before." in said


def test_where_there_are_no_pages_the_letter_asks_for_a_call_with_the_number() -> None:
    said = flowing(EVERY_LETTER["export ready without pages"])
    assert "To get the files, tell us the number SUB-1001/1." in said
    assert "the link" not in said


def test_the_certificate_of_erasure_states_what_when_and_how_much() -> None:
    said = flowing(EVERY_LETTER["data erased"])
    assert EVERY_LETTER["data erased"].subject == "Certificate of erasure SUB-1001/1: CRM <Enterprise>"
    for row in (
        "Begun on: 1 February 2027, 02:00 Europe/Berlin (UTC+01:00)",
        "Finished on: 1 February 2027, 02:05 Europe/Berlin (UTC+01:00)",
        "Tables erased: 7",
        "Rows erased: 1,234,567",
        "Files erased: 16",
        "Size in all: 48.2 MB",
        "Nothing of the organization's data is left with us.",
        "The files are gone from the disks of our store as well",
        "are kept as evidence until 1 February 2029, 02:00 Europe/Berlin (UTC+01:00), or for as long as a legal hold requires",
    ):
        assert row in said


def test_a_certificate_that_leaves_the_data_says_why() -> None:
    said = flowing(EVERY_LETTER["copies erased"])
    assert "was not erased with this cancellation: subscription SUB-1002 of the organization still uses it." in said
    assert "Nothing of the organization's data is left" not in said
    assert "What is left of the data of the organization itself stays: sub" in flowing(EVERY_LETTER["partly erased"])


def test_a_certificate_about_a_schema_that_was_not_there_does_not_claim_that_nothing_is_left() -> None:
    said = flowing(EVERY_LETTER["nothing found"])
    assert "the schema crm_contoso, which was not there any more when we came to it." in said
    assert "Nothing of the organization's data is left" not in said


@pytest.mark.parametrize(
    ("event", "stage", "said"),
    [
        (Event.RECEIVED, Stage.INTAKE, "Your data: to be exported before the end"),
        (Event.SCHEDULED, Stage.SCHEDULED, "Your data: exported"),
        (Event.CLOSED, Stage.CLOSED, "Your data: exported"),
    ],
)
def test_what_is_done_already_is_not_promised_any_more(event: Event, stage: Stage, said: str) -> None:
    written = flowing(letter(event, facts(stage, data="export")))
    assert said in written
    assert stage is Stage.INTAKE or "to be exported" not in written
