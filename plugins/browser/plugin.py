"""The plugin: opens pages for the model, on listed hosts at public addresses, and gives their text."""

import asyncio
from typing import Annotated, Protocol

import msgspec

from gateway import (
    Breaker,
    CircuitOpen,
    Exchange,
    NotReached,
    PinnedWeb,
    Startup,
    Tool,
    ToolCall,
    ToolResult,
    UrlRefused,
    WebAddress,
    WebAnswer,
    arguments_of,
    attempted,
    hookimpl,
)
from plugins.browser.charset import text_of
from plugins.browser.page_text import page_text

NAME = "open_url"
MOST_REDIRECTS = 5
MOST_CHARACTERS = 20_000
SECONDS = 30.0
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_PAGES = frozenset(("text/html", "application/xhtml+xml"))
_TEXTS = frozenset(
    ("application/json", "application/xml", "application/yaml", "application/rss+xml", "application/atom+xml")
)
_HEADERS = {
    "User-Agent": "lukhas-gateway (open_url)",
    "Accept": "text/html, text/plain, application/json;q=0.9, text/*;q=0.8",
}
TOOL = Tool(
    "browser",
    NAME,
    "Opens a web page and gives its text. Only some hosts can be opened.",
    {
        "type": "object",
        "properties": {"url": {"type": "string", "description": "The http or https address of the page."}},
        "required": ["url"],
        "additionalProperties": False,
    },
    tier="T2",
    flag="BROWSER_TOOL",
    seconds=SECONDS,
)


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of a call."""

    url: Annotated[str, msgspec.Meta(min_length=1)]


class Page(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the model is given; `url` is where redirects led, `cut` says that there is more."""

    url: str
    text: str
    title: str = ""
    cut: bool = False


class Unreadable(Exception):
    """The page cannot be given; the message is a sentence for the model."""


class Web(Protocol):
    """The way to the internet."""

    async def ask(self, address: WebAddress, headers: dict[str, str]) -> WebAnswer:
        """Sends a GET. Errors: NotReached."""
        ...


class Browser:
    """Answers calls of `open_url`; a test gives a web of its own."""

    def __init__(self, web: Web | None = None, seconds: float = SECONDS - 2) -> None:
        self._web = web or PinnedWeb()
        self._seconds = seconds
        self._breaker = Breaker()
        self._startup: Startup | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Learns which hosts are listed, at any time."""
        self._startup = startup

    @hookimpl
    def register_tools(self) -> list[Tool]:
        """Offers the tool."""
        return [TOOL]

    @hookimpl
    async def run_tool(self, exchange: Exchange, call: ToolCall) -> ToolResult | None:
        """Opens the page."""
        if call.name != NAME:
            return None
        arguments = arguments_of(call, Arguments)
        if isinstance(arguments, ToolResult):
            return arguments
        try:
            async with asyncio.timeout(self._seconds):
                page = await self._opened(WebAddress.of(arguments.url))
        except TimeoutError:
            return ToolResult("The page took too long.", failed=True)
        except (UrlRefused, NotReached, CircuitOpen, Unreadable) as error:
            return ToolResult(str(error), failed=True)
        return ToolResult(msgspec.json.encode(page).decode())

    async def _opened(self, address: WebAddress) -> Page:
        """Follows redirects to a page. Errors: UrlRefused, NotReached, CircuitOpen, Unreadable."""
        for _ in range(MOST_REDIRECTS + 1):
            self._check(address)
            answer = await self._asked(address)
            if answer.status not in _REDIRECTS:
                return await asyncio.to_thread(_page, address, answer)
            there = address.follow(answer.header(b"location"))
            if address.scheme == "https" and there.scheme == "http":
                raise Unreadable(f"{address.host} leads from https to http, which is not followed.")
            address = there
        raise Unreadable(f"{address.host} leads on and on: more than {MOST_REDIRECTS} redirects are not followed.")

    def _check(self, address: WebAddress) -> None:
        """Makes sure that the host is listed now. Errors: Unreadable."""
        hosts = self._startup.policies.tools.browser.hosts if self._startup is not None else ()
        if not address.is_listed(hosts):
            raise Unreadable(f"{address.authority} is not one of the hosts that can be opened here.")

    async def _asked(self, address: WebAddress) -> WebAnswer:
        async def ask() -> WebAnswer:
            answer = await self._web.ask(address, _HEADERS)
            if answer.status >= 500:
                raise NotReached(f"{address.host} answered {answer.status}.", transient=True)
            return answer

        return await attempted(
            ask, lambda error: isinstance(error, NotReached) and error.transient, self._breaker, address.host
        )


def _page(address: WebAddress, answer: WebAnswer) -> Page:
    """Gives the text of an answer. Errors: Unreadable."""
    if not 200 <= answer.status < 300:
        raise Unreadable(f"{address.host} answered {answer.status}.")
    kind = answer.header(b"content-type")
    name = kind.partition(";")[0].strip().lower() or "text/plain"
    if not (name in _PAGES or name in _TEXTS or name.startswith("text/")):
        raise Unreadable(f"What is there is {name[:60]}; only pages and other text can be read.")
    if name not in _PAGES and b"\0" in answer.body[:4096]:
        raise Unreadable("What is there is no text.")
    text, title = text_of(answer.body, kind), ""
    if name in _PAGES:
        found = page_text(text)
        text, title = found.text, found.title
    return Page(address.url, text[:MOST_CHARACTERS], title[:300], len(text) > MOST_CHARACTERS or not answer.whole)
