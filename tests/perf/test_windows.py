"""A window knows what a load cost, and that it counts for nothing when something went wrong."""

from pathlib import Path

from perf.load import PLAIN, STREAM
from perf.mock_upstream import EVENTS, mock_upstream
from perf.processes import cpu_seconds, tree
from perf.servers import REFERENCE, Server, serving
from perf.windows import window


async def test_a_window_divides_cpu_by_requests_or_events(tmp_path: Path) -> None:
    async with (
        mock_upstream() as upstream,
        serving("reference", REFERENCE, upstream_port=upstream, folder=tmp_path) as server,
    ):
        plain = await window(server, PLAIN, connections=2, requests=60)
        stream = await window(server, STREAM, connections=2, requests=6)
    assert (plain.void, plain.requests, plain.units) == ("", 60, 60)
    assert (stream.void, stream.requests, stream.units) == ("", 6, 6 * EVENTS)
    assert 0 < stream.serving_us < plain.serving_us
    assert plain.office_us == 0


async def test_a_window_with_a_failed_request_is_void() -> None:
    async with mock_upstream() as port:
        pass
    assert "requests failed" in (await window(Server("gone", port), PLAIN, connections=1, requests=2)).void


async def test_a_server_is_gone_after_its_measurement(tmp_path: Path) -> None:
    async with (
        mock_upstream() as upstream,
        serving("reference", REFERENCE, upstream_port=upstream, folder=tmp_path) as server,
    ):
        running = tree(server.pid)
        assert cpu_seconds(running)
    assert not cpu_seconds(running)
