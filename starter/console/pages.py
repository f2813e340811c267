"""Pages: rendered on the server, for the person who is signed in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from domain.civil_dates import day_text
from domain.civil_time import day_of
from domain.principals import Principal
from domain.refusals import RefusalDetails
from domain.words import FOR_AGENTS, sentence
from starter.console.areas.table import areas_for
from starter.console.done import done_in_words
from starter.console.parts import HAVE, Parts, parts_had
from starter.console.paths import case_path
from starter.console.sessions import Session
from starter.console.worklists import worklists_of
from starter.service import Offramp
from starter.web.statuses import RETRY_AFTER_SECONDS, UNAVAILABLE, status_of

HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    # Without any, a browser would not say either that a form comes from here.
    "referrer-policy": "same-origin",
}
"""The security headers of the console's own: nothing from elsewhere, and no script or style within a page."""

INSTALLATION = "/installation"
"""The address that leads to the areas about the installation."""
_NAVIGATION = (
    ("/worklists", "Work"),
    ("/quote", "Quote"),
    ("/bulk", "Bulk"),
    ("/marketing", "Marketing"),
    ("/nights", "Nightly runs"),
    ("/reasons", "Reasons"),
)


def spaced(name: object) -> str:
    """Return a name of the code in words."""
    return str(name).replace("_", " ").replace(".", " ")


def instant_text(instant: datetime | None, zone: str = "UTC") -> str:
    """Return an instant as agents read it; a dash for none."""
    return FOR_AGENTS.instant(instant, zone) if instant else "–"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "day": lambda day: day_text(day) if isinstance(day, date) else "–",
        "day_in": lambda instant, zone: day_text(day_of(instant, zone)),
        "instant": instant_text,
        "deadline": FOR_AGENTS.deadline,
        "spaced": spaced,
        "sentence": sentence,
        "case_path": case_path,
    }
    return environment


_TEMPLATES = _environment()


def session_of(request: Request) -> Session | None:
    """Return the session of a request that was looked at already; None before."""
    found: Session | None = getattr(request.state, "session", None)
    return found


def page(request: Request, template: str, *, status: int = 200, **content: Any) -> Response:
    """Return a page with what every page has: who is signed in, where one can go, and the key of its forms.

    A browser that says which of its live parts it has gets those alone that have changed.
    """
    session = session_of(request)
    shared: Mapping[str, Any] = {
        "session": session,
        "here": request.url.path,
        "navigation": _navigation(session.principal, request.app.state.service) if session else (),
        "worklists": worklists_of(session.principal.roles) if session else (),
        "now": datetime.now(UTC),
        "events": None,
        "every": None,
        "back": None,
        "done": done_in_words(request.query_params.get("done", "")),
    }
    live = Parts()
    text = _TEMPLATES.get_template(template).render(**{**shared, "live": live, **content})
    had = parts_had(request.headers.get(HAVE))
    if had is not None and live.names:
        return JSONResponse(
            {"names": live.names, "changed": live.changes(had), "every": content.get("every")}, status_code=status
        )
    return HTMLResponse(text, status_code=status)


def rendered(template: str, macro: str, *given: Any) -> str:
    """Return what a macro of a template makes of some values."""
    made = getattr(_TEMPLATES.get_template(template).make_module(), macro)
    return str(made(*given))


def _navigation(person: Principal, service: Offramp) -> Sequence[tuple[str, str]]:
    """Return where somebody can go: what they may see nothing of is left out."""
    return (*_NAVIGATION, (INSTALLATION, "Installation")) if areas_for(person, service) else _NAVIGATION


def refusal_page(request: Request, refusal: RefusalDetails, *, status: int | None = None) -> Response:
    """Return the page that says what was refused, and the way out."""
    found = status or status_of(refusal.code)
    answer = page(request, "refusal.html.j2", status=found, refusal=refusal, title=_title(found))
    if refusal.code in UNAVAILABLE:
        answer.headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return answer


def _title(status: int) -> str:
    titles: Sequence[tuple[int, str]] = ((401, "Not signed in"), (403, "Not for you"), (404, "Nothing there"))
    by_status = dict(titles)
    return by_status.get(status) or ("Something went wrong" if status >= 500 else "Refused")
