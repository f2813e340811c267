"""The registration of an area's activities: each is on one task queue, where its workflow schedules it."""

from collections.abc import Callable, Mapping, Sequence

from contract import WorkQueue

Registered = Mapping[WorkQueue, Sequence[Callable[..., object]]]
"""The activities that a worker runs, by the queue on which workflows schedule them."""
