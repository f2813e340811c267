"""The lifetime of a link in a mail: its end tells it from every link before it."""

from datetime import datetime, timedelta


def next_expiry(at: datetime, lifetime: timedelta, before: datetime | None) -> datetime:
    """Return the instant until which a link that is made now works, in whole seconds.

    It is later than that of the link ``before`` it, whatever the two lifetimes were: a link carries its end, and only the
    newest one works.
    """
    expires = (at + lifetime).replace(microsecond=0)
    if before is None:
        return expires
    return max(expires, before.replace(microsecond=0) + timedelta(seconds=1))
