"""The people who use the console: who is signed in, what they may do, and the forms they send."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from domain.permissions import Operation, SubjectKind, refuse_unless_permitted
from domain.principals import Principal
from starter.console.actions.action import Action
from starter.console.actions.table import ACTIONS
from starter.console.forms import Given
from starter.console.refusals import FormNotOurs, NotSignedIn
from starter.console.sessions import Cookies, Session
from starter.service import Offramp
from starter.web.bodies import parsed

_FORM, _WITH_FILE = "application/x-www-form-urlencoded", "multipart/form-data"
_MOST_FIELDS = 200


async def session(request: Request) -> Session:
    """Return the session of a request. Raises NotSignedIn."""
    cookies: Cookies = request.app.state.cookies
    found = cookies.session(request)
    if found is None:
        raise NotSignedIn
    request.state.session = found
    return found


SignedIn = Annotated[Session, Depends(session)]


async def principal(found: SignedIn) -> Principal:
    """Return who is signed in."""
    return found.principal


Person = Annotated[Principal, Depends(principal)]


async def service(request: Request) -> Offramp:
    """Return the facade."""
    found: Offramp = request.app.state.service
    return found


Service = Annotated[Offramp, Depends(service)]


async def form(request: Request, found: SignedIn) -> AsyncIterator[Given]:
    """Give a handler the fields of a form that this console has shown in this session.

    Raises:
        FormNotOurs: it comes from elsewhere, as a browser says or the key in it shows.
        RoleMissing: it is for an action of another role; nothing of it is read.
        TooManyDocuments, TooManyReads.

    """
    own: str = request.app.state.url
    if (
        request.headers.get("origin", own) != own
        or request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
    ):
        raise FormNotOurs
    action = ACTIONS.get(request.path_params.get("operation", ""))
    if action is not None:
        refuse_unless_permitted(found.principal, action.operation)
    person = found.principal.subject
    turns = action.turns if action else None
    async with turns.place(person) if turns else nullcontext(), _read(request, action, person) as given:
        if not given.has_key(found.form_key):
            raise FormNotOurs
        # Read before it takes a turn: its sender may be as slow as a sender may be.
        async with turns.turn(person) if turns else nullcontext():
            yield given


@asynccontextmanager
async def _read(request: Request, action: Action | None, person: str) -> AsyncIterator[Given]:
    """Read a form, with a file in it where its action takes one. Raises FormNotOurs."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _FORM:
        try:
            given = await parsed(await request.body(), _given, sender=person)
        except ValueError:
            raise FormNotOurs from None
        yield given
        return
    if content_type != _WITH_FILE or action is None or action.largest is None:
        raise FormNotOurs
    try:
        sent = await request.form(max_files=1, max_fields=_MOST_FIELDS, max_part_size=action.largest)
    except HTTPException:  # what is sent is no form
        raise FormNotOurs from None
    try:
        texts = {name: value for name, value in sent.items() if isinstance(value, str)}
        files = {name: value for name, value in sent.items() if not isinstance(value, str)}
        yield Given(texts, files)
    finally:
        await sent.close()


def _given(content: bytes) -> Given:
    """Return the fields of a form. Raises ValueError."""
    return Given(dict(parse_qsl(content.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)))


Sent = Annotated[Given, Depends(form)]


async def permit(
    service: Offramp, person: Principal, subject: tuple[SubjectKind, str] | None, *operations: Operation
) -> None:
    """Refuse what a person may not see of a subject, or of the whole installation where there is none.

    Raises:
        RoleMissing, OrganizationNotPermitted.

    """
    for operation in operations:
        refuse_unless_permitted(person, operation)
    await service.access.check(person, operations[0], subject)
