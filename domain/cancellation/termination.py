"""The end of access: the instant at which it is due, and the day that counts as its last (rules, sections 1 and 8)."""

from datetime import date, datetime, timedelta

from domain.civil_time import day_of, start_of_day
from domain.vocabulary import Termination


def access_ends_at(termination: Termination, last_day: date, zone: str, *, received_at: datetime) -> datetime:
    """Return the instant (UTC) at which access is to end: when its last day is over, or at once.

    ``last_day`` is a civil date in ``zone``. "At once" is the receipt, which is past whenever it matters.
    """
    if termination is Termination.NOW:
        return received_at
    return start_of_day(last_day + timedelta(days=1), zone)


def access_ended_on(termination: Termination, last_day: date, zone: str, *, at: datetime) -> date:
    """Return the civil date in ``zone`` on which access ended, from which the reversal window is counted.

    That is the day that was asked for, also where access is switched off in the first hours of the next one. Access that
    ended later than it should, because nothing worked, ended on the day on which it did: the customer keeps the whole window.
    """
    today = day_of(at, zone)
    on_time = termination is not Termination.NOW and last_day <= today <= last_day + timedelta(days=1)
    return last_day if on_time else today
