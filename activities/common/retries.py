"""The retry policies of activities. None of them gives up what must succeed in the end and can."""

from datetime import timedelta

from temporalio.common import RetryPolicy

from runtime.refusals import FAULT

RECORD_RETRY = RetryPolicy(initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=30))
"""For transactions on our own database: they succeed as soon as it is back."""

STEP_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=0.5), maximum_interval=timedelta(seconds=30), non_retryable_error_types=[FAULT]
)
"""For the steps of a case: as `RECORD_RETRY`, but a fault that time does not mend refuses the step."""

LONG_WORK_RETRY = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(minutes=10))
"""For long work on the tenants' database and the object store, which may be down or full for a while."""

MAIL_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5))
"""For mail to people: promised mail is sent, however long the mail server is down."""

CODE_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), maximum_interval=timedelta(minutes=5), non_retryable_error_types=[FAULT]
)
"""For one-time codes: as `MAIL_RETRY`, but a fault that time does not mend refuses the request."""

WEBHOOK_RETRY = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(hours=1)
)
"""For webhooks: an endpoint that takes nothing is paused after some days, and then nothing waits for it (`domain.webhooks`)."""
