"""The keys of an issuer: read when they are needed, and read again when a token names one that is not known."""

import asyncio
import json
import logging
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import httpx
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from runtime.cookies import no_cookies
from starter.access.refusals import IssuerUnavailable

FRESH_SECONDS = 600.0
"""The time after which keys are read again, so that one that the issuer has taken back ends."""
ASK_AGAIN_SECONDS = 10.0
"""The shortest time between two readings: strangers decide how often an unknown key is named."""
ANSWER_SECONDS = 5.0
DISCOVERY = "/.well-known/openid-configuration"

logger = logging.getLogger(__name__)


class IssuerKeys(ABC):
    """The public keys of an issuer, by their ids.

    While the issuer does not answer, those that are known go on to count.
    """

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: dict[str | None, PyJWK] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def key(self, key_id: str | None) -> PyJWK | None:
        """Return the key with an id; None if the issuer has no such key.

        Raises:
            IssuerUnavailable: no key is known, and the issuer does not give any.

        """
        # While somebody asks already, whoever has a known key does not wait for the answer.
        is_known = key_id in self._keys
        if self._is_to_be_asked(key_id) and not (is_known and self._reading.locked()):
            async with self._reading:
                if self._is_to_be_asked(key_id):
                    await self._read_again()
        if not self._keys:
            raise IssuerUnavailable(self._issuer)
        return self._keys.get(key_id)

    def _is_to_be_asked(self, key_id: str | None) -> bool:
        age = time.monotonic() - self._read_at
        return age > FRESH_SECONDS or (key_id not in self._keys and age > ASK_AGAIN_SECONDS)

    async def _read_again(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                keys = PyJWKSet.from_dict(await self._read()).keys
        except (
            httpx.HTTPError,
            TimeoutError,
            OSError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
            PyJWTError,
        ) as error:
            logger.warning("The keys of the issuer %s cannot be read: %s", self._issuer, type(error).__name__)
            return
        finally:
            self._read_at = time.monotonic()
        self._keys = {key.key_id: key for key in keys if key.public_key_use in (None, "sig")}

    @abstractmethod
    async def _read(self) -> dict[str, Any]:
        """Return the key set (RFC 7517)."""


class FileKeys(IssuerKeys):
    """The keys of an issuer in a file."""

    def __init__(self, issuer: str, file: str) -> None:
        super().__init__(issuer)
        self._file = Path(file)

    async def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(await asyncio.to_thread(self._file.read_bytes))
        return found


class UrlKeys(IssuerKeys):
    """The keys of an issuer at a URL, or, without one, where its discovery document says (OpenID Connect Discovery)."""

    def __init__(self, issuer: str, url: str | None) -> None:
        super().__init__(issuer)
        self._url = url

    async def _read(self) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, cookies=no_cookies()) as client:
            url = self._url or await self._discovered(client)
            found: dict[str, Any] = (await client.get(url)).raise_for_status().json()
            return found

    async def _discovered(self, client: httpx.AsyncClient) -> str:
        found = (await client.get(f"{self._issuer.rstrip('/')}{DISCOVERY}")).raise_for_status().json()
        if found["issuer"] != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        return str(found["jwks_uri"])
