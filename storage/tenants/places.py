"""The places for long work on one organization's data: what one organization makes slow takes no place from the others."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from storage.tenants import refusals

AT_ONCE = 2
"""The number of works on the data of one organization that a process does at once; it does more for all together."""


class Places:
    """The places of one process."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, organization: str) -> Iterator[None]:
        """Take a place while the block runs. Raises TenantWorkWaits where there is none."""
        with self._lock:
            if self._taken[organization] >= self._at_once:
                raise refusals.TenantWorkWaits(organization, self._at_once)
            self._taken[organization] += 1
        try:
            yield
        finally:
            with self._lock:
                self._taken[organization] -= 1
                if not self._taken[organization]:
                    del self._taken[organization]
