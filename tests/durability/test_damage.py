"""Files that were changed, cut or lost while nobody served: the gateway starts, says so, and has all that there is."""

import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from storage.packing import pack
from storage.segments import Segment, unpacked
from tests.builders.journals import opened
from tests.builders.segments import Writer, exchange
from tests.builders.served import eventually, lukhas, served
from tests.builders.warehouses import warehouse
from tests.durability.kills import kill_everything
from tests.durability.operator import Operator
from tests.durability.running import ENVIRON

OLD = [f"A-old-{number:02}" for number in range(10)]
WRITERS = ("one", "two", "three")
RECENT = {writer: [f"A-left-by-{writer}-{number}" for number in range(8)] for writer in WRITERS}


class Recorded(NamedTuple):
    """A data folder as a kill leaves it, and the exchanges that are in it."""

    data: Path
    ids: list[str]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Old days in Parquet; three writers of two segments each; a gateway that was killed before its segment ended."""
    folder = tmp_path_factory.mktemp("whole")
    now = datetime.now(UTC)
    # Older than what becomes Parquet, and younger than what goes.
    ago = now - timedelta(days=14)
    old = Writer(folder / "data", "elsewhere", when=ago)
    old.segment()
    for name in OLD:
        old.append(*exchange(name, when=ago))
    with warehouse(folder / "data") as opened_warehouse:
        assert opened_warehouse.archive(now.date())
    for writer, names in RECENT.items():
        for life in (names[:4], names[4:]):
            journal = opened(folder / "data", writer)
            for line in (line for name in life for line in exchange(name, when=now)):
                journal.append_event(msgspec.json.encode(line))
            journal.close()
    recent = [name for names in RECENT.values() for name in names]
    with served(folder, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        ids = sorted((*OLD, *recent, *(operator.asks() for _ in range(10))))
        eventually(lambda: operator.ids() == ids)
        kill_everything(running)
    assert log_of_the_warehouse(folder / "data").stat().st_size
    return Recorded(folder / "data", ids)


@pytest.fixture
def recorded(whole: Recorded, tmp_path: Path) -> Recorded:
    """The same in a folder of its own, to be damaged."""
    shutil.copytree(whole.data, tmp_path / "data", ignore=shutil.ignore_patterns("run"))
    return Recorded(tmp_path / "data", whole.ids)


def log_of_the_warehouse(data: Path) -> Path:
    return data / "warehouse" / "warehouse.duckdb.wal"


def flip_a_byte(path: Path) -> None:
    text = bytearray(path.read_bytes())
    text[len(text) // 2] ^= 0x55
    path.write_bytes(text)


def first_segment(data: Path, writer: str) -> Path:
    """The plain segment of a writer's first life, which the office may have packed already."""
    plain = data / "journal" / writer / "00000001.jsonl"
    packed = plain.with_name(f"{plain.name}.zst")
    if packed.exists():
        plain.write_bytes(b"".join(unpacked(packed)))
        packed.unlink()
    return plain


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def faults_of(recorded: Recorded) -> set[tuple[str, str]]:
    """What `lukhas audit verify` has against the journal, but for the old days, which have no roots."""
    done = lukhas("audit", "verify", "--json", "--data", "data", cwd=recorded.data.parent)
    faults = msgspec.json.decode(done.stdout)["faults"]
    assert done.returncode == (1 if faults else 0), done.stdout
    return {(each["writer"], each["kind"]) for each in faults if each["writer"] != "elsewhere"}


BREAKAGES: Mapping[str, Callable[[Path], object]] = {
    "a flipped byte in its log": lambda data: flip_a_byte(log_of_the_warehouse(data)),
    "a file without a byte": lambda data: (data / "warehouse" / "warehouse.duckdb").write_bytes(b""),
    "Parquet that is noise": lambda data: next(data.glob("archive/exchanges/*/*.parquet")).write_bytes(b"noise" * 99),
}


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_a_warehouse_that_is_not_whole_is_made_anew_and_has_everything(breakage: str, recorded: Recorded) -> None:
    BREAKAGES[breakage](recorded.data)
    with served(recorded.data.parent, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        eventually(lambda: operator.ids() == recorded.ids)
        assert "The warehouse is made anew" in running.complaints
        fresh = operator.asks()
        eventually(lambda: operator.ids() == sorted((*recorded.ids, fresh)))
        assert operator.readiness() == (200, "ready", {})


def test_a_torn_last_line_is_counted_and_costs_nothing(recorded: Recorded) -> None:
    with (recorded.data / "journal" / "worker-0" / "00000001.jsonl").open("ab") as file:
        file.write(b'{"event":"ended","audit_id":"A-')
    with served(recorded.data.parent, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        eventually(lambda: "1 torn" in running.complaints)
        assert operator.ids() == recorded.ids
    assert faults_of(recorded) == set()


def test_segments_that_are_damaged_after_they_were_taken_in_are_named_and_cost_nothing(recorded: Recorded) -> None:
    cut(first_segment(recorded.data, "one"))
    first_segment(recorded.data, "two").unlink()
    cut(pack(Segment("three", 1, first_segment(recorded.data, "three"), closed=True)).path)
    with served(recorded.data.parent, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        assert operator.ids() == recorded.ids
        for writer in WRITERS:
            assert operator.record(RECENT[writer][3])["outcome"] == "answered"
    assert faults_of(recorded) >= {("one", "truncated"), ("two", "missing"), ("three", "unreadable")}


def test_of_a_segment_that_is_cut_before_it_was_taken_in_the_rest_is_there(recorded: Recorded) -> None:
    segment = first_segment(recorded.data, "one")
    text = segment.read_bytes()
    behind_the_second = text.index(b"\n", text.rindex(RECENT["one"][1].encode())) + 1
    segment.write_bytes(text[: behind_the_second + 50])
    shutil.rmtree(recorded.data / "warehouse")
    with served(recorded.data.parent, "--simulate", environ=ENVIRON) as running, Operator(running.url) as operator:
        eventually(lambda: operator.ids() == sorted(set(recorded.ids) - set(RECENT["one"][2:4])))
    assert ("one", "truncated") in faults_of(recorded)
