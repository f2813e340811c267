"""The mails of a fault run, as their recipients read them."""

import asyncio
import email
import email.policy
import re
from collections import Counter
from email.message import EmailMessage
from pathlib import Path

EVERY_SECONDS = 0.5
LINK = re.compile(r"http://\S+/links/\S+")
CODE = re.compile(r"\b\d{6}\b")


class Mails:
    """The folder of the mail catcher; every file is read once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read: set[str] = set()
        self.copies: Counter[str] = Counter()
        """The number of copies of each Message-ID."""
        self._texts: list[tuple[str, str]] = []

    async def until(self, case: str, wanted: re.Pattern[str], *, but: frozenset[str] = frozenset()) -> str:
        """Wait for a mail about a case that has something in it; return the newest such thing that is not known yet."""
        while True:
            await asyncio.to_thread(self.look)
            for message_id, text in reversed(self._texts):
                if message_id.startswith(f"<{case}/") and (found := wanted.search(text)) and found[0] not in but:
                    return found[0]
            await asyncio.sleep(EVERY_SECONDS)

    def look(self) -> None:
        """Read what has come."""
        for file in sorted(self._directory.glob("[!.]*.eml")):
            if file.name in self._read:
                continue
            self._read.add(file.name)
            mail = email.message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=email.policy.default)
            body = mail.get_body(("plain",))
            self.copies[str(mail["Message-ID"])] += 1
            self._texts.append((str(mail["Message-ID"]), str(body.get_content()) if body else ""))
