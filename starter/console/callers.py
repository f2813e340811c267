"""The people who use the console: who is signed in, what they may do, and the forms they send."""

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from domain.permissions import Operation, SubjectKind, refuse_unless_permitted
from domain.principals import Principal
from starter.console.forms import Given
from starter.console.refusals import FormNotOurs, NotSignedIn
from starter.console.sessions import Cookies, Session
from starter.service import Offramp

_FORM = "application/x-www-form-urlencoded"
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


async def form(request: Request, found: SignedIn) -> Given:
    """Return the fields of a form that this console has shown in this session.

    Raises:
        FormNotOurs: it comes from elsewhere, as a browser says or the key in it shows.

    """
    own: str = request.app.state.url
    if (
        request.headers.get("origin", own) != own
        or request.headers.get("sec-fetch-site", "same-origin") != "same-origin"
    ):
        raise FormNotOurs
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise FormNotOurs
    try:
        fields = parse_qsl((await request.body()).decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise FormNotOurs from None
    given = Given(dict(fields))
    if not given.has_key(found.form_key):
        raise FormNotOurs
    return given


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
