"""What tells a key that a process lacks from one that somebody has invented: the ids that the installation has had."""

import asyncio
import logging
import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from runtime.payload_keys import PayloadKeys
from storage.payload_key_ids import record_key_ids, recorded_key_ids
from storage.refusals import refusing_database_errors

logger = logging.getLogger(__name__)

_COUNTS_FOR = 1.0
"""The time for which the ids, once read, are taken to be all, in seconds: so messages without end cost few readings."""


class KnownKeyIds:
    """The ids of the keys that the processes of an installation have had, and those of this process.

    Every process records the ids of its keys before it encrypts anything. So a payload that names another one was not encrypted
    by this installation, at whatever time it is looked at: it was there before its key, or has none.
    """

    def __init__(self, engine: Engine, keys: PayloadKeys) -> None:
        self._engine = engine
        self._own = frozenset(key.id for key in keys)
        self._is_recorded = not self._own
        self._recorded: frozenset[str] = frozenset()
        self._counts_until = 0.0
        self._lock = asyncio.Lock()

    async def record(self) -> None:
        """Record the ids of this process; what it encrypts after that, no worker takes for a stranger's.

        Raises:
            DatabaseUnavailable, and the other refusals of `refusing_database_errors`.

        """
        if self._is_recorded:
            return
        async with self._lock:
            if self._is_recorded:
                return
            with refusing_database_errors(self._engine.url):
                is_new = await asyncio.to_thread(record_key_ids, self._engine, self._own)
            if is_new:  # others may have read the ids just before
                await asyncio.sleep(_COUNTS_FOR)
            self._is_recorded = True

    async def may_be_ours(self, key_id: str) -> bool:
        """Return false if no process of this installation has ever had the key; true also while the records cannot say."""
        if key_id in self._recorded:
            return True
        async with self._lock:
            if time.monotonic() >= self._counts_until:
                began = time.monotonic()
                try:
                    self._recorded = await asyncio.to_thread(recorded_key_ids, self._engine)
                except SQLAlchemyError:
                    logger.warning("Whether this installation has had the key %s cannot be read now.", key_id)
                    return True
                self._counts_until = began + _COUNTS_FOR
            return key_id in self._recorded
