"""Tests of the endpoint table, and of the paths that only seem to lead elsewhere."""

import re
from collections.abc import Callable
from timeit import repeat
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.endpoints import Endpoint, load_endpoints
from gateway.spelling import PREFIX

TABLE = load_endpoints()
ROWS = [row for row in TABLE.endpoints if "{rest}" not in row.template]
# What OpenAI's own ids and file names are made of, and what clients send encoded.
PARAMETER = st.text("abcXYZ019-_:.", min_size=1, max_size=12).map(lambda text: f"x{text}x") | st.sampled_from(
    ("ft:gpt-4o:org::id", "org%2Fmodel", "caf%C3%A9.txt", "a%20b", "a%3Ab", "%7Bx%7D", "GPT-4")
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Endpoint, str]:
    row = draw(st.sampled_from(ROWS))
    return row, re.sub(r"\{\w+\}", lambda _: draw(PARAMETER), row.template)


def percent_encoded(path: str, at: int) -> str:
    return f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"


def spelt_otherwise(draw: st.DrawFn, row: Endpoint, path: str) -> str:
    """Writes the path in a way that some server takes for the same endpoint."""
    slashes = [at for at, letter in enumerate(path) if letter == "/"]
    slash = draw(st.sampled_from(slashes))
    fixed = [at for at, letter in enumerate(row.template.partition("{")[0]) if letter.isalpha()]
    letter = draw(st.sampled_from(fixed))
    other = draw(
        st.sampled_from(("%2F", "%2f", "\\", "%5C", "//", "/./", "/%2E/", "/x/../", "/x/%2e%2e/", "%252F", ";a/"))
    )
    return draw(
        st.sampled_from(
            (
                f"{PREFIX}{path[:slash]}{other}{path[slash + 1 :]}",
                f"{PREFIX}{percent_encoded(path, letter)}",
                f"{PREFIX}{path[:letter]}%25{ord(path[letter]):02X}{path[letter + 1 :]}",
                f"{PREFIX}{path[:letter]}{path[letter].upper()}{path[letter + 1 :]}",
                f"{PREFIX.upper()}{path[:letter]}{path[letter].upper()}{path[letter + 1 :]}",
                f"{PREFIX}{path}/",
                f"{PREFIX}{path}//",
                f"{PREFIX}{path}/.",
                f"{PREFIX}{path}/x/..",
                f"{PREFIX}{PREFIX}{path}",
                f"/x/..{PREFIX}//{path}",
            )
        )
    )


@settings(deadline=None)
@given(requests())
def test_every_row_is_found_by_its_own_path_whatever_its_parameters(request_: tuple[Endpoint, str]) -> None:
    row, path = request_
    assert TABLE.find(row.method, path, row.kind) is row


@settings(deadline=None)
@given(requests())
def test_the_one_way_to_write_a_path_is_no_misspelling(request_: tuple[Endpoint, str]) -> None:
    row, path = request_
    assert TABLE.misspelt(row.method, f"{PREFIX}{path}".encode(), row.kind) is None


@settings(deadline=None)
@given(requests(), st.data())
def test_no_other_spelling_of_a_known_endpoint_passes_as_an_unknown_one(
    request_: tuple[Endpoint, str], data: st.DataObject
) -> None:
    row, path = request_
    written = data.draw(st.composite(spelt_otherwise)(row, path))
    missed = TABLE.find(row.method, written.removeprefix(PREFIX), row.kind) is not row
    assert not missed or TABLE.misspelt(row.method, written.encode(), row.kind), written


def resolved(path: str, merging: bool) -> str:
    """Resolves dot segments, and with `merging` empty ones, as servers do."""
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != "." and (segment or not merging):
            kept.append(segment)
    return "/" + "/".join(kept)


def without_parameters(path: str) -> str:
    return "/".join(segment.partition(";")[0] for segment in path.split("/"))


# How servers of several kinds make the path that they look up of the one that they receive.
READERS: dict[str, Callable[[str], str]] = {
    "decodes, merges, resolves": lambda path: resolved(unquote(path), merging=True),
    "resolves, then decodes": lambda path: unquote(resolved(path, merging=False)),
    "decodes dots alone": lambda path: resolved(re.sub("%2e", ".", path, flags=re.IGNORECASE), merging=False),
    "drops parameters, then decodes": lambda path: resolved(unquote(without_parameters(path)), merging=True),
    "decodes, then drops parameters": lambda path: resolved(without_parameters(unquote(path)), merging=True),
    "turns backslashes, ignores case": lambda path: resolved(unquote(path).replace("\\", "/").lower(), merging=True),
    "ignores case alone": lambda path: resolved(path.replace("\\", "/").lower(), merging=True),
    "decodes twice": lambda path: resolved(unquote(unquote(path)), merging=True),
    "ends at NUL": lambda path: resolved(unquote(path).partition("\0")[0], merging=True),
    "ends at a decoded query": lambda path: resolved(unquote(path).partition("?")[0].partition("#")[0], merging=True),
    "drops the last slash": lambda path: resolved(unquote(path), merging=False).rstrip("/"),
    "trims": lambda path: resolved(unquote(path).strip(), merging=True),
}
SEPARATOR = st.sampled_from(
    ("/",) * 6
    + (
        "//",
        "%2F",
        "\\",
        "%5C",
        "/./",
        "/../",
        "%252F",
        "/x/../",
        "/%2e%2e/",
        "/..%2f",
        ";a/",
        "%00/",
        "%3B/",
        "/.%2e/",
    )
)
ODD_PARAMETER = PARAMETER | st.sampled_from(
    ("..", "%2e", "RUNS", "runs", "content", "x;y", "%20", "a%2F..", "v1", "x%3Fy")
)


@st.composite
def disguises(draw: st.DrawFn) -> tuple[str, str]:
    """A method and a path that resembles one of the table, in a spelling that no client would choose."""
    row = draw(st.sampled_from(ROWS))
    path = draw(st.sampled_from((PREFIX, PREFIX, PREFIX, "/V1", "/%761", "/v1/v1", "/a/../v1", "//v1")))
    for segment in row.template.split("/")[1:]:
        written = (
            draw(ODD_PARAMETER)
            if segment.startswith("{")
            else draw(st.sampled_from((segment, segment, segment.upper())))
        )
        path += draw(SEPARATOR) + written
    return row.method, path + draw(st.sampled_from(("", "", "", "/", "%2f", ";x", "%00", "/.", "%20")))


@settings(deadline=None, max_examples=400)
@given(disguises())
def test_no_server_reads_another_endpoint_in_a_path_that_passes(disguise: tuple[str, str]) -> None:
    method, written = disguise
    if TABLE.misspelt(method, written.encode()):
        return
    here = TABLE.find(method, written.removeprefix(PREFIX))
    for reader, read in READERS.items():
        path = read(written)
        while path.startswith(f"{PREFIX}/"):
            path = path.removeprefix(PREFIX)
        assert TABLE.find(method, path) in (None, here), reader


@pytest.mark.parametrize(
    "written",
    [
        "/v1/chat%2Fcompletions",
        "/v1//chat/completions",
        "//v1/chat/completions",
        "/v1/./chat/completions",
        "/v1/x/../chat/completions",
        "/../chat/completions",
        "/v1/models/%2e%2e/chat/completions",
        "/v1/models/..%2Fchat%2Fcompletions",
        "/v1/chat/completions/",
        "/V1/Chat/Completions",
        "/v1/%63hat/completions",
        "/v1/%2563hat/completions",
        "/v1/chat%252Fcompletions",
        "/v1/chat%25252Fcompletions",
        "/v1/chat/completions;x=1",
        "/v1/chat;x=1/completions",
        "/v1/chat/completions%3Bx",
        "/v1\\chat\\completions",
        "/v1/chat%5Ccompletions",
        "/v1/chat/completions%00",
        "/v1/chat/completions%00.txt",
        "/v1/chat/completions%00/a/b/c",
        "/v1/chat/completions%3Fa/b/c",
        "/v1/chat/completions%23",
        "/v1/chat/completions%20",
        "/v1/chat/completions%0A",
        "/v1/a%2Fb/../chat/completions",
        "/../chat/completions",
        "/%76%31/chat/completions",
        "/chat%2Fcompletions",
    ],
)
def test_a_second_spelling_of_chat_completions_is_named(written: str) -> None:
    found = TABLE.misspelt("POST", written.encode())
    assert found and found.name == "chat.completions"


def test_an_encoded_slash_may_divide_in_one_place_and_belong_to_a_parameter_in_another() -> None:
    found = TABLE.misspelt("DELETE", b"/v1%2Fassistants/org%2Fmodel")
    assert found and found.template == "/assistants/{assistant_id}"


@pytest.mark.parametrize("written", ["/v1/threads%2F..%2Fruns", "/v1//threads/%2e%2e/runs", "/v1/Threads/%20/runs"])
def test_dots_and_blanks_may_also_be_parameters(written: str) -> None:
    found = TABLE.misspelt("POST", written.encode())
    assert found and found.template in ("/threads/{thread_id}/runs", "/threads/runs")


def test_a_parameter_that_hides_another_endpoint_is_a_misspelling() -> None:
    found = TABLE.misspelt("GET", b"/v1/files/abc%2Fcontent")
    assert found and found.template == "/files/{file_id}/content"


@pytest.mark.parametrize(
    "written",
    [
        "/v1/models/ft:gpt-4o:org::id",
        "/v1/models/org%2Fmodel",
        "/v1/models/ORG%252Fmodel",
        "/v1/files/file-AbC.txt/content",
        "/v1/files/caf%C3%A9%20%28a%29.txt",
        "/v1/an/endpoint/of%2Ftomorrow/",
        "/v1/agents/a%2Fb",
        "/v1/Agents/../agents",
        "/v1/../files/a/b/c/d",
        "/v1/",
        "/",
        "",
        "/v1/%",
        "/v1/%zz/%ff%fe",
        "/v1/" + "%25" * 20_000,
        "/v1" + "/.." * 20_000,
    ],
)
def test_a_path_that_can_only_mean_itself_passes(written: str) -> None:
    assert TABLE.misspelt("GET", written.encode()) is None


def test_a_path_in_the_table_of_another_method_is_not_found() -> None:
    assert TABLE.find("PUT", "/chat/completions") is None
    assert TABLE.find("BREW", "/chat/completions") is None


def test_fixed_segments_win_over_parameters() -> None:
    fixed, parameter = TABLE.find("POST", "/threads/runs"), TABLE.find("POST", "/threads/thread_1")
    assert fixed and parameter
    assert (fixed.operation, parameter.operation) == ("createThreadAndRun", "modifyThread")


@pytest.mark.parametrize("path", ["", "/", "chat/completions", "/models//", "/files//content", "/models/a/b"])
def test_a_path_that_is_not_in_the_document_is_not_found(path: str) -> None:
    assert TABLE.find("GET", path) is None


def test_websockets_stand_apart_from_requests() -> None:
    socket = TABLE.find("GET", "/responses", "websocket")
    assert socket and socket.kind == "websocket"
    assert TABLE.find("GET", "/responses") is None
    assert TABLE.find("GET", "/live/sessions/s_1/attach", "websocket")
    assert TABLE.find("GET", "/live", "websocket") is None


def test_a_name_belongs_to_one_template() -> None:
    templates = {row.name: row.template for row in TABLE.endpoints}
    assert all(templates[row.name] == row.template for row in TABLE.endpoints)
    assert len({(row.method, row.template, row.kind) for row in TABLE.endpoints}) == len(TABLE.endpoints)


def test_the_rows_say_what_an_endpoint_takes_and_gives() -> None:
    chat = TABLE.find("POST", "/chat/completions")
    upload = TABLE.find("POST", "/files")
    download = TABLE.find("GET", "/files/file-1/content")
    assert chat and upload and download
    assert (chat.name, chat.streaming, chat.request, chat.reply) == (
        "chat.completions",
        True,
        ("json",),
        ("json", "sse"),
    )
    assert "messages[].content" in chat.text_fields
    assert (upload.request, upload.streaming) == (("multipart",), False)
    assert "binary" in download.reply


def test_what_streams_without_being_declared_is_known_to_stream() -> None:
    streaming = {row.template for row in TABLE.endpoints if row.streaming and row.kind == "http"}
    assert streaming == {
        "/audio/speech",
        "/audio/transcriptions",
        "/chat/completions",
        "/completions",
        "/images/edits",
        "/images/generations",
        "/responses",
        "/responses/{response_id}",
        "/threads/runs",
        "/threads/{thread_id}/runs",
        "/threads/{thread_id}/runs/{run_id}/submit_tool_outputs",
    }


def test_finding_the_busy_endpoints_costs_less_than_a_microsecond() -> None:
    """Measured at about 0.2 us; the margin is for a busy machine, a scan of the table would cost 20 us."""

    def find() -> None:
        TABLE.find("POST", "/chat/completions")

    assert min(repeat(find, number=1000, repeat=20)) / 1000 < 1e-6
