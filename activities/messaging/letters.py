"""Letters to people: each message in text and in HTML.

A template is written once, in the few forms that ``text.j2`` and ``html.j2`` both know (paragraph, table, list), so that
the two can never differ. The templates contain only wording; their values are prepared here.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from activities.messaging.case_mail import CASE_MAIL
from domain.lines.explanation import Statement
from domain.lines.line import Partner
from domain.marketing import CampaignFacts
from domain.messaging import MAILED, Facts, LineMessageFacts, MarketingServiceFacts, MessageFacts
from domain.migration import HandOver
from domain.vocabulary import CampaignChoice, DataChoice, Event, Question, Stage, Termination
from domain.words import FOR_CUSTOMERS, received_in_words, sentence, size_in_words
from records.one_time_codes import FreshCode
from storage.tables import WebhookEndpointRow

TEXT_WIDTH = 72
_LABEL_WIDTH = 22
_UNBROKEN = re.compile(r"\b\d{1,2} [A-Z][a-z]+ \d{4}\b|\S+ \(UTC[^)]*\)")
_NO_BREAK = "\N{NO-BREAK SPACE}"
"""A character at which `textwrap` never breaks a line."""

_TEMPLATES: Mapping[Event, str] = {
    event: f"{event.value.removeprefix('cancellation.').replace('.', '_')}.j2" for event in MAILED
}
_QUESTIONS: dict[Question, str] = {
    Question.BILLING_ADMINISTRATOR: "The e-mail address of the billing administrator",
    Question.ORGANIZATION_URL: "The URL of the organization",
    Question.ORGANIZATION_NAME: "The unique name of the organization",
    Question.TERMINATION_DATE: "The day on which access is to end",
    Question.DATA: "Whether you want to keep your data, and how",
    Question.CAMPAIGNS: "What is to become of your marketing campaigns",
}
_QUESTIONS_OF_A_LINE = _QUESTIONS | {Question.TERMINATION_DATE: "The day with which the line is to end"}
_VERIFICATION = "The confirmation that it is you who is asking: the one-time code we mail to the billing administrator"
_DATA: Mapping[str, str] = {
    DataChoice.NONE: "not to be kept",
    DataChoice.EXPORT: "to be exported before the end",
    DataChoice.MIGRATE: "to be migrated on premises before the end",
}
_DATA_KEPT: Mapping[str, str] = {
    DataChoice.NONE: "not to be kept",
    DataChoice.EXPORT: "exported",
    DataChoice.MIGRATE: "migrated on premises",
}
_CAMPAIGNS: Mapping[str, str] = {
    CampaignChoice.KEEP: "to be kept running",
    CampaignChoice.STOP: "to be stopped",
}

_AWAITED: Mapping[HandOver, str] = {
    HandOver.ACCEPTANCE: "the acceptance of the migration",
    HandOver.TRANSFER: "the transfer of the data",
    HandOver.DOWNLOAD: "the download of the data",
    HandOver.COMPLETION: "the report that the migration is complete",
}


_UNPREPARED = (Stage.INTAKE, Stage.PREPARING)
_UNSTOPPED = (Stage.INTAKE, Stage.PREPARING, Stage.WITHDRAWN, Stage.ABANDONED)


@dataclass(frozen=True)
class Letter:
    """A letter to a person: its subject, and its text in two forms."""

    subject: str
    text: str
    html: str


def letter(
    event: Event,
    facts: Facts,
    *,
    reply_to: str | None = None,
    link: str | None = None,
) -> Letter:
    """Write the letter that notifies a person of an event (rules, section 11).

    Dates are those of the organization's zone. It shows only the customer's lines: our obligations to vendors do not
    concern the customer. It repeats no free text of somebody who was not verified (`Facts.for_letter`). ``link`` leads to the page on which the reader answers, where there is one.
    """
    template, zone, values = _template_of(event, facts, link)
    return _written(template, zone, reply_to=reply_to, **values)


def joint_letter(event: Event, facts: Sequence[Facts], *, reply_to: str | None = None) -> Letter:
    """Write one letter that notifies a person of the same event of several cases: of each what its own letter would say."""
    parts = [(each, *_template_of(event, each, None)) for each in facts]
    return _written(
        "several_cases.j2",
        facts[0].time_zone,
        event=event.value,
        facts=facts[-1],
        parts=[(each, template, {**_tools(zone), **values}) for each, template, zone, values in parts],
        reply_to=reply_to,
    )


def _template_of(event: Event, facts: Facts, link: str | None) -> tuple[str, str, dict[str, object]]:
    """Return the template of a letter, its zone, and the values that it shows."""
    name, facts = _TEMPLATES[event], facts.for_letter(event)
    if isinstance(facts, MarketingServiceFacts):
        campaigns = campaigns_in_words(facts.marketing.campaigns)
        return name, facts.time_zone, {"facts": facts, "stopped": campaigns, "link": link}
    of_line = facts if isinstance(facts, LineMessageFacts) else None
    if event in (Event.REMINDER, Event.LINE_REMINDER) and facts.stage is Stage.INTAKE:
        name = "line_cancellation_intake_reminder.j2" if of_line else "intake_reminder.j2"
    zone = facts.time_zone
    shown = facts.quote.for_customer() if facts.quote else None
    lines = shown.lines if shown else ()
    questions = _QUESTIONS_OF_A_LINE if of_line else _QUESTIONS
    missing = [questions[Question(question)] for question in facts.open_questions]
    if not facts.verified:
        missing.append(_VERIFICATION)
    return (
        name,
        zone,
        {
            "facts": facts,
            "line": of_line.subscription_line if of_line else None,
            "wished": _wish(facts),
            "lines": lines,
            "open_lines": [line for line in facts.open_billing if line.partner is Partner.CUSTOMER],
            "credit_memos": shown.credit_memos if shown else (),
            "missing": missing,
            "access": _end_of_access(facts),
            "access_until": _end_of_access(facts, zone),
            "alternatives": [other.statement.in_words(FOR_CUSTOMERS) for other in shown.alternatives] if shown else [],
            "changes": [change.in_words(FOR_CUSTOMERS) for change in facts.changes_for_customer],
            "data": _what_becomes_of_data(facts),
            "campaigns": _what_becomes_of_campaigns(facts),
            "stopped": campaigns_in_words(facts.marketing.campaigns) if facts.marketing else [],
            "reasons": [facts.reason_code.replace("_", " ") if facts.reason_code else None, facts.reason],
            "until": FOR_CUSTOMERS.deadline(facts.reversal_deadline, zone) if facts.reversal_deadline else None,
            "link": link,
            "migration": facts.migration,
            "awaited": _AWAITED.get(facts.migration.hand_over)
            if facts.migration and facts.migration.hand_over
            else None,
        },
    )


def code_letter(code: FreshCode, *, reply_to: str | None = None) -> Letter:
    """Write the letter with a one-time code. The subject does not contain it: locked screens show subjects."""
    return _written("code.j2", code.time_zone, code=code, cancelled=CASE_MAIL[code.kind].cancelled, reply_to=reply_to)


def pause_letter(endpoint: WebhookEndpointRow, *, reply_to: str | None = None) -> Letter:
    """Write the letter to the owner of a webhook endpoint that was paused."""
    return _written("webhook_paused.j2", "UTC", endpoint=endpoint, host=_host_of(endpoint), reply_to=reply_to)


def given_up_letter(endpoint: WebhookEndpointRow, at: datetime, *, reply_to: str | None = None) -> Letter:
    """Write the letter to the owner of a webhook endpoint for which a message was given up at an instant, or several until then."""
    return _written("webhook_given_up.j2", "UTC", endpoint=endpoint, at=at, host=_host_of(endpoint), reply_to=reply_to)


def _host_of(endpoint: WebhookEndpointRow) -> str | None:
    return urlsplit(endpoint.url).hostname if endpoint.url else None


def _written(template: str, zone: str, **values: object) -> Letter:
    facts = {**_tools(zone), **values}
    text = _TEXT.get_template(template)
    subject = "".join(text.blocks["subject"](text.new_context(facts)))
    return Letter(
        subject=" ".join(subject.split()),
        text=re.sub(r"\n{3,}", "\n\n", text.render(facts)).strip() + "\n",
        html=_HTML.get_template(template).render(facts),
    )


def _tools(zone: str) -> dict[str, object]:
    """Return what every template uses to write days and times of a zone."""
    return {
        "zone": zone,
        "moment": lambda instant: FOR_CUSTOMERS.instant(instant, zone),
        "received": lambda instant, channel: received_in_words(FOR_CUSTOMERS.instant(instant, zone), channel),
    }


def _end_of_access(facts: MessageFacts, zone: str | None = None) -> str:
    """Return when access ends, in words; with ``zone`` also at which time of the day. Empty where that is not asked yet."""
    if facts.termination_date is None:
        return ""
    if facts.ends_at_once or facts.termination is Termination.NOW:
        return "at once"
    day = f"on {FOR_CUSTOMERS.day(facts.termination_date)}"
    return day if zone is None else f"{day}, when that day is over ({zone})"


def _wish(facts: MessageFacts) -> str:
    """Return the wished last day of a line, in words; empty where that is not asked yet."""
    if facts.termination is Termination.END_OF_TERM:
        return "the earliest end that its terms allow"
    return FOR_CUSTOMERS.day(facts.termination_date) if facts.termination_date else ""


def _what_becomes_of_data(facts: MessageFacts) -> str | None:
    if facts.data is None:
        return None
    return (_DATA if facts.stage in _UNPREPARED else _DATA_KEPT).get(facts.data)


def _what_becomes_of_campaigns(facts: MessageFacts) -> str | None:
    if facts.marketing is None:
        return _CAMPAIGNS.get(facts.campaigns) if facts.campaigns else None
    if facts.marketing.consent is not None and facts.marketing.consent.refused:
        return "kept running: the marketing service's own billing administrator did not agree to stop them"
    if not facts.marketing_was_stopped:
        # Before the preparation nothing was looked up; afterwards there was nothing left to stop.
        return _CAMPAIGNS[CampaignChoice.STOP] if facts.stage in _UNSTOPPED else "nothing was running any more"
    return "stopping; ads may still run and bill" if facts.marketing.ads_may_still_run else "stopped"


def campaigns_in_words(campaigns: Sequence[CampaignFacts]) -> list[str]:
    """Return campaigns as people know them, each with the action on it."""
    return [
        f"{campaign.name} ({campaign.id}): {len(campaign.activities)} "
        f"{'activity' if len(campaign.activities) == 1 else 'activities'} to be {campaign.action.done}"
        for campaign in campaigns
    ]


def _sentence(step: Statement) -> str:
    return sentence(step.in_words(FOR_CUSTOMERS))


def _number(count: int) -> str:
    return f"{count:,}"


def _flowing(text: str) -> str:
    return " ".join(text.split())


def _wrapped(text: str, first: str = "", rest: str | None = None) -> str:
    """Wrap a text to the width of a letter; no line ends within a day or between a zone and its offset."""
    filled = textwrap.fill(
        _UNBROKEN.sub(lambda found: found[0].replace(" ", _NO_BREAK), _flowing(text)),
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_NO_BREAK, " ")


def _row(value: object, label: str) -> str:
    return _wrapped(str(value), f"{label + ':':<{_LABEL_WIDTH}} ", " " * (_LABEL_WIDTH + 1))


def _environment(forms: str, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=autoescape,  # noqa: S701 - off for plain text only
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"day": FOR_CUSTOMERS.day, "sentence": _sentence, "wrapped": _wrapped, "row": _row}
    environment.filters |= {"number": _number, "size": size_in_words}
    environment.globals["layout"] = f"layout_{forms}"

    def body(template: str, values: Mapping[str, object]) -> Markup:
        found = environment.get_template(template)
        return Markup("".join(found.blocks["body"](found.new_context(dict(values)))))  # noqa: S704 - escaped by its template

    environment.globals["body"] = body
    environment.globals["say"] = environment.get_template(forms).module
    return environment


_TEXT = _environment("text.j2", autoescape=False)
_HTML = _environment("html.j2", autoescape=True)
