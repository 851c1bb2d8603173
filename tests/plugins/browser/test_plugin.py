from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.answers import ToolResult
from gateway.live_policies import LivePolicies
from gateway.testing import a_call, an_exchange, plugin_kit, started
from gateway.tools.addresses import MayReach, is_public
from gateway.tools.pinned import PinnedWeb
from gateway.transport.limits import Limits
from plugins.browser import Browser
from plugins.browser.plugin import MOST_CHARACTERS, NAME
from tests.builders.internet import Names, only
from tests.builders.scripted_upstream import Link, Script, reply, scripted_upstream

HTML = b"Content-Type: text/html; charset=utf-8"
PAGE = reply(b"<title>Rules</title><p>Refunds take 14 days.", HTML)
Listed = Callable[..., Browser]


@pytest.fixture
def browser(tmp_path: Path) -> Listed:
    """A browser that may open these hosts; the addresses behind them count as public where a test says so."""

    def make(*hosts: str, may_reach: MayReach = is_public, names: Names | None = None, **members: Any) -> Browser:
        (tmp_path / "tools.yaml").write_text(f"browser: {{hosts: {list(hosts)}}}\n")
        web = PinnedWeb(may_reach=may_reach, resolve=names or Names({}), patience=Limits(first_byte_timeout=0.5))
        made = Browser(web, **members)
        made.startup(started(tmp_path, policies=LivePolicies(tmp_path)))
        return made

    return make


async def opened(browser: Browser, url: str) -> ToolResult:
    result = await browser.run_tool(an_exchange(), a_call(NAME, msgspec.json.encode({"url": url}).decode()))
    assert result is not None
    return result


def port_of(url: str) -> str:
    return url.rpartition(":")[2]


def saying(*replies: bytes, heads: list[bytes] | None = None) -> Script:
    """Answers with these one after the other, and then with the last."""
    left = list(replies)

    async def script(link: Link) -> None:
        head = (await link.request()).head
        if heads is not None:
            heads.append(head)
        await link.send(left.pop(0) if len(left) > 1 else left[0])

    return script


def leads_to(location: str, status: bytes = b"302 Found") -> bytes:
    return reply(b"", b"Location: " + location.encode(), status=status)


async def test_the_text_of_a_page_on_a_listed_host_is_given(browser: Listed) -> None:
    async with scripted_upstream(saying(PAGE)) as server:
        port = port_of(server.url)
        made = browser(
            f"docs.example:{port}", may_reach=only("127.0.0.1"), names=Names({"docs.example": [["127.0.0.1"]]})
        )
        result = await opened(made, f"http://docs.example:{port}/rules?x=1")
    assert not result.failed
    assert msgspec.json.decode(result.output) == {
        "url": f"http://docs.example:{port}/rules?x=1",
        "title": "Rules",
        "text": "Refunds take 14 days.",
    }


@pytest.mark.parametrize(
    "host", ["other.example", "docs.example.evil.example", "docs.example@evil.example", "127.0.0.1"]
)
async def test_a_host_that_is_not_listed_is_not_even_looked_up(browser: Listed, host: str) -> None:
    names = Names({"other.example": [["127.0.0.1"]]})
    async with scripted_upstream(saying(PAGE)) as server:
        made = browser("docs.example", f"docs.example:{port_of(server.url)}", may_reach=only("127.0.0.1"), names=names)
        result = await opened(made, f"http://{host}:{port_of(server.url)}/")
        assert not server.links
    assert result.failed
    assert names.asked == []


async def test_without_a_list_nothing_is_opened(browser: Listed) -> None:
    result = await opened(browser(), "https://example.org/")
    assert result == ToolResult("example.org is not one of the hosts that can be opened here.", failed=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{}/",
        "http://2130706433:{}/",
        "http://0x7f.1:{}/",
        "http://0177.0.0.1:{}/",
        "http://inside.example:{}/",
    ],
)
async def test_even_a_listed_host_is_not_opened_at_an_address_of_this_machine(browser: Listed, url: str) -> None:
    names = Names({"inside.example": [["127.0.0.1"]]})
    async with scripted_upstream(saying(PAGE)) as server:
        port = port_of(server.url)
        hosts = [f"{host}:{port}" for host in ("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "inside.example")]
        result = await opened(browser(*hosts, names=names), url.format(port))
        assert not server.links
    assert result.failed
    assert "at an address that may not be reached" in result.output


async def test_redirects_are_followed_and_each_host_is_checked_again(browser: Listed) -> None:
    names = Names({"a.example": [["127.0.0.1"]], "b.example": [["127.0.0.1"]]})
    heads: list[bytes] = []
    async with scripted_upstream(lambda link: script(link)) as server:
        port = port_of(server.url)
        script = saying(leads_to("/next"), leads_to(f"http://b.example:{port}/end"), PAGE, heads=heads)
        made = browser(f"a.example:{port}", f"b.example:{port}", may_reach=only("127.0.0.1"), names=names)
        result = await opened(made, f"http://a.example:{port}/")
    assert msgspec.json.decode(result.output)["url"] == f"http://b.example:{port}/end"
    assert [head.split()[1] for head in heads] == [b"/", b"/next", b"/end"]


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("http://unlisted.example:{}/", "not one of the hosts"),
        ("http://169.254.169.254/latest/meta-data/", "not one of the hosts"),
        ("http://inside.example:{}/", "may not be reached"),
        ("file:///etc/passwd", "Only http and https"),
        ("http://user:secret@a.example:{}/", "user name or a password"),
        ("", "more than 5 redirects"),
    ],
    ids=["unlisted", "metadata", "private", "file", "credentials", "nowhere"],
)
async def test_a_redirect_leads_nowhere_that_could_not_be_opened_itself(
    browser: Listed, location: str, says: str
) -> None:
    names = Names(
        {"a.example": [["127.0.0.1"]], "inside.example": [["127.0.0.2"]], "unlisted.example": [["127.0.0.1"]]}
    )
    async with scripted_upstream(lambda link: script(link)) as server:
        port = port_of(server.url)
        script = saying(leads_to(location.format(port)))
        made = browser(f"a.example:{port}", f"inside.example:{port}", may_reach=only("127.0.0.1"), names=names)
        result = await opened(made, f"http://a.example:{port}/")
    assert result.failed
    assert says in result.output


async def test_redirects_without_an_end_are_given_up(browser: Listed) -> None:
    async with scripted_upstream(saying(leads_to("/again"))) as server:
        made = browser(f"127.0.0.1:{port_of(server.url)}", may_reach=only("127.0.0.1"))
        result = await opened(made, server.url)
        assert len(server.links) == 6
    assert result.failed
    assert "more than 5 redirects" in result.output


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (reply(b"%PDF-1.7", b"Content-Type: application/pdf"), "application/pdf"),
        (reply(b"\x89PNG", b"Content-Type: image/png"), "image/png"),
        (reply(b"a\0b", b"Content-Type: text/plain"), "no text"),
        (reply(b"no", HTML, status=b"404 Not Found"), "answered 404"),
    ],
    ids=["pdf", "image", "binary", "not found"],
)
async def test_what_is_no_text_is_refused_politely(browser: Listed, answer: bytes, says: str) -> None:
    async with scripted_upstream(saying(answer)) as server:
        made = browser(f"127.0.0.1:{port_of(server.url)}", may_reach=only("127.0.0.1"))
        result = await opened(made, server.url)
        assert len(server.links) == 1
    assert result.failed
    assert says in result.output


async def test_what_fails_in_passing_is_asked_again(browser: Listed) -> None:
    async with scripted_upstream(saying(reply(b"", status=b"503 Busy"), PAGE)) as server:
        made = browser(f"127.0.0.1:{port_of(server.url)}", may_reach=only("127.0.0.1"))
        result = await opened(made, server.url)
        assert len(server.links) == 2
    assert not result.failed


async def test_a_long_text_is_cut_and_says_so(browser: Listed) -> None:
    async with scripted_upstream(saying(reply(b"x" * 50_000, b"Content-Type: text/plain"))) as server:
        made = browser(f"127.0.0.1:{port_of(server.url)}", may_reach=only("127.0.0.1"))
        page = msgspec.json.decode((await opened(made, server.url)).output)
    assert (len(page["text"]), page["cut"]) == (MOST_CHARACTERS, True)


async def test_a_page_that_takes_too_long_is_a_sentence(browser: Listed) -> None:
    async def silent(link: Link) -> None:
        await link.hung_up()

    async with scripted_upstream(silent) as server:
        made = browser(f"127.0.0.1:{port_of(server.url)}", may_reach=only("127.0.0.1"), seconds=0.2)
        assert await opened(made, server.url) == ToolResult("The page took too long.", failed=True)


@pytest.mark.parametrize("arguments", ["not json", "{}", '{"url": 1}', '{"url": ""}', '{"url": "a", "b": 1}'])
async def test_arguments_that_do_not_fit_are_told_to_the_model(browser: Listed, arguments: str) -> None:
    result = await browser().run_tool(an_exchange(), a_call(NAME, arguments))
    assert result is not None
    assert result.failed


async def test_calls_of_other_names_are_anothers(browser: Listed) -> None:
    assert await browser().run_tool(an_exchange(), a_call("lookup")) is None


def test_the_plugin_behaves_whatever_it_is_given(browser: Listed) -> None:
    plugin_kit(browser()).check()
