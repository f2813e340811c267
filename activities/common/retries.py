"""The retry policies of activities. None of them ever gives up by itself."""

from datetime import timedelta

from temporalio.common import RetryPolicy

RECORD_RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=30))
"""For transactions on our own database: they succeed as soon as it is back."""

LONG_WORK_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=10))
"""For long work on the tenants' database and the object store, which may be down or full for a while."""

MAIL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
"""For mail to people: promised mail is sent, however long the mail server is down."""

MAIL_MAX_ATTEMPTS = 1449
"""The attempt of `MAIL_RETRY` that begins five days after the first, the time for which a mail may be put off (RFC 5321, 4.5.4.1)."""

WEBHOOK_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(hours=1)
)
"""For webhooks. The activity gives up, message by message, from attempt `WEBHOOK_MAX_ATTEMPTS` on."""

WEBHOOK_MAX_ATTEMPTS = 84
"""The attempt of `WEBHOOK_RETRY` that begins three days after the first: 13 within 69 minutes, then one an hour."""

LINE_EVENT_PATIENCE = timedelta(days=3)
"""The age at which a message about lines is given up: the same as for the webhooks of a cancellation."""
