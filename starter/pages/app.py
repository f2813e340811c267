"""The pages as a web application."""

import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp
from temporalio.common import MetricMeter

from activities.messaging.links import LINKS_PATH, LinkExpired, LinkPurpose, Links, LinkTarget
from domain.refusals import Refusal
from runtime.metrics import LinkMetrics
from starter.pages.consent import AGREE, DECLINE, ConsentPages
from starter.pages.downloads import CONFIRMED, DOWNLOADED, FRESH_LINK, DownloadPages
from starter.pages.export import ExportPages
from starter.pages.migration import MigrationPages
from starter.pages.page import Page, rendered
from starter.pages.refusals import COUNTED, refusal_page
from starter.service import Offramp
from starter.web.connections import with_security_headers
from starter.web.metrics import with_metrics
from starter.web.refusals import NothingThere

Act = Callable[[LinkTarget], Awaitable[Page]]
Key = TypeVar("Key")
Found = TypeVar("Found")

_OF_THIS_MACHINE = ("127.0.0.1", "localhost")
"""The hosts of health checks beside the name under which people find the pages."""

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_STYLE = Path(__file__).with_name("templates") / "style.css"

logger = logging.getLogger(__name__)


def create_pages(service: Offramp, links: Links, meter: MetricMeter = MetricMeter.noop) -> ASGIApp:
    """Put the pages together; those with files are there if the service has an object store."""
    pages = _Pages(service, links, LinkMetrics(meter, COUNTED))
    app = FastAPI(title="Offramp pages", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[links.host, *_OF_THIS_MACHINE], www_redirect=False)
    app.add_api_route("/health", pages.health)
    app.add_api_route("/style.css", pages.style)
    app.add_api_route(LINKS_PATH + "{token}", pages.show)
    app.add_api_route(LINKS_PATH + "{token}/files/{name:path}", pages.file, response_class=RedirectResponse)
    app.add_api_route(LINKS_PATH + "{token}/{action}", pages.do, methods=["POST"])
    app.add_exception_handler(404, _nothing_there)
    app.add_exception_handler(405, _nothing_there)
    app.add_exception_handler(Exception, _failed)
    return with_security_headers(with_metrics(app, meter))


class _Pages:
    """The handlers of the addresses. Paths contain links, which are keys: they are not logged."""

    def __init__(self, service: Offramp, links: Links, metrics: LinkMetrics) -> None:
        self._links, self._metrics = links, metrics
        self._shown: dict[LinkPurpose, Act] = {}
        self._expired: dict[LinkPurpose, Act] = {}
        self._acts: dict[tuple[LinkPurpose, str], Act] = {}
        self._files: dict[LinkPurpose, Callable[[LinkTarget, str], Awaitable[str]]] = {}
        consent = ConsentPages(service.cancellations, links)
        self._shown[LinkPurpose.MARKETING_CONSENT] = consent.show
        self._acts[LinkPurpose.MARKETING_CONSENT, AGREE] = consent.agree
        self._acts[LinkPurpose.MARKETING_CONSENT, DECLINE] = consent.decline
        if service.has_files:
            self._add(LinkPurpose.EXPORT, ExportPages(service.exports, links))
            self._add(LinkPurpose.MIGRATION, MigrationPages(service.migrations, links))

    def _add(self, purpose: LinkPurpose, pages: DownloadPages) -> None:
        self._shown[purpose] = pages.show
        self._expired[purpose] = pages.expired
        self._acts[purpose, DOWNLOADED] = pages.ask
        self._acts[purpose, CONFIRMED] = pages.acknowledge
        self._acts[purpose, FRESH_LINK] = pages.renew
        self._files[purpose] = pages.file

    def health(self) -> Response:
        return PlainTextResponse("ok")

    def style(self) -> Response:
        css = _STYLE.read_text(encoding="utf-8")
        return Response(css, media_type="text/css", headers={"cache-control": "max-age=3600"})

    async def show(self, token: str) -> Response:
        return await self._answered(token, self._page(token))

    async def file(self, token: str, name: str) -> Response:
        async def found() -> Response:
            target = self._links.read(token)
            location = await _of(self._files, target.purpose)(target, name)
            return RedirectResponse(location, status_code=303)

        return await self._answered(token, found())

    async def do(self, token: str, action: str) -> Response:
        return await self._answered(token, self._act(token, action))

    async def _page(self, token: str) -> Page:
        try:
            target = self._links.read(token)
        except LinkExpired:
            late = self._links.read(token, now=_LONG_AGO)
            if late.purpose not in self._expired:
                raise
            return await self._expired[late.purpose](late)
        return await _of(self._shown, target.purpose)(target)

    async def _act(self, token: str, action: str) -> Page:
        # A fresh link may be asked for with one that has expired; everything else may not.
        target = self._links.read(token, now=_LONG_AGO if action == FRESH_LINK else None)
        return await _of(self._acts, (target.purpose, action))(target)

    async def _answered(self, token: str, answer: Awaitable[Page | Response]) -> Response:
        try:
            answered = await answer
        except Refusal as refusal:
            self._metrics.count(refusal.details.code)
            answered = refusal_page(refusal)
        return answered if isinstance(answered, Response) else _html(answered, f"{LINKS_PATH}{token}")


def _html(page: Page, here: str) -> Response:
    return HTMLResponse(rendered(page, here), status_code=page.status)


async def _nothing_there(request: Request, _: Exception) -> Response:
    return _html(refusal_page(NothingThere()), request.url.path)


async def _failed(request: Request, error: Exception) -> Response:
    place = "".join(traceback.format_tb(error.__traceback__))  # its own text may hold what a customer has sent
    logger.error("A page failed with %s:\n%s", type(error).__name__, place)
    page = Page("Something went wrong", ["It is our fault. Nothing was changed; please try again."], status=500)
    return _html(page, request.url.path)


def _of(acts: dict[Key, Found], what: Key) -> Found:
    try:
        return acts[what]
    except KeyError:
        raise NothingThere from None
