"""Links to files in the store, and the progress of long work on them; shared by exports and migrations."""

import errno
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from pydantic import BaseModel, ConfigDict
from temporalio.client import WorkflowExecutionDescription
from temporalio.converter import DataConverter

from domain.refusals import Refusal
from domain.remedies import correct_input
from runtime.cookies import no_cookies
from starter.service.descriptions import is_taken_over, pending_activities, why_held_up
from storage.objects import Objects, ObjectStoreUnavailable

LINK_LIFETIME = timedelta(minutes=15)
"""The lifetime of a link to a file, which is made when it is needed."""

MANIFEST = "manifest.json"

_CHUNK_BYTES = 1 << 18


class DownloadLeavesDirectory(Refusal):
    """A file that would be written outside the directory that was named: by its name, or by a link that lies there."""

    code = "download_leaves_directory"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The file {name!r} would be written outside the directory.",
            remedy=correct_input(
                "Name an empty directory; if it is one, the store holds a file that no export of ours made."
            ),
            file=name,
        )


class FileLink(BaseModel):
    """A file in the store, and a link to it that works for `LINK_LIFETIME`."""

    model_config = ConfigDict(frozen=True)

    name: str
    bytes: int
    link: str


class WorkUnderWay(BaseModel):
    """An activity that is running, or waits to be tried again."""

    model_config = ConfigDict(frozen=True)

    attempt: int
    heartbeat: tuple[Any, ...]
    """The details of its last heartbeat, a second or two old; empty before the first."""
    held_up_by: str
    """Why the last attempt failed, if one did."""
    is_taken_over: bool = False
    """True if it was lost with its worker: nothing stands in the way of the next one."""


def file_links(objects: Objects, prefix: str) -> list[FileLink]:
    """Return a link to each file below a prefix that ends with a slash, the manifest first."""
    found = sorted(objects.list(prefix), key=lambda item: (item.key != f"{prefix}{MANIFEST}", item.key))
    return [
        FileLink(
            name=(name := item.key.removeprefix(prefix)),
            bytes=item.size,
            link=objects.signed_link(item.key, expires_in=LINK_LIFETIME, file_name=name),
        )
        for item in found
    ]


def download(files: Sequence[FileLink], directory: Path, watch: Callable[[str, int], None]) -> None:
    """Fetch files into a directory through their links; ``watch`` is called with the file and bytes of each piece.

    Raises:
        ObjectStoreUnavailable: the store became unavailable meanwhile, or no longer accepts a link.
        DownloadLeavesDirectory: a file would be written somewhere else; the others before it are there.

    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with httpx.Client(timeout=60.0, cookies=no_cookies()) as client:
        for file in files:
            try:
                with client.stream("GET", file.link) as answer, _opened(directory, file.name) as target:
                    answer.raise_for_status()
                    for chunk in answer.iter_bytes(_CHUNK_BYTES):
                        target.write(chunk)
                        watch(file.name, len(chunk))
            except httpx.HTTPError as error:
                reason = f"the download of {file.name} ended with {_in_words(error)}"
                raise ObjectStoreUnavailable(httpx.URL(file.link).netloc.decode(), reason) from None


def _opened(directory: Path, name: str) -> BinaryIO:
    """Open a file in a directory to write it, for its owner alone; nothing that lies there leads elsewhere."""
    if name in ("", ".", "..") or "/" in name or os.sep in name or "\0" in name:
        raise DownloadLeavesDirectory(name)
    try:
        written = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise DownloadLeavesDirectory(name) from None
    return os.fdopen(written, "wb")


def _in_words(error: httpx.HTTPError) -> str:
    """Describe the error without the link, which is a key."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"status {error.response.status_code}"
    return "a lost connection" if isinstance(error, httpx.TransportError) else type(error).__name__


async def work_under_way(
    converter: DataConverter, description: WorkflowExecutionDescription | None, activity: str, *forms: type
) -> WorkUnderWay | None:
    """Return the progress of a workflow's activity, or None where it is not under way.

    ``forms`` are the types of its heartbeat's details.
    """
    for pending in pending_activities(description, activity):
        details = pending.heartbeat_details.payloads  # none before the first heartbeat of an attempt
        said = await converter.decode(details, list(forms[: len(details)]) or None)
        return WorkUnderWay(
            attempt=pending.attempt,
            heartbeat=tuple(said),
            held_up_by=why_held_up(pending),
            is_taken_over=is_taken_over(pending),
        )
    return None
