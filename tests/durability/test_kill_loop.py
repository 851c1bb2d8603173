"""Whatever is killed under load: what was answered is recorded once, what was begun is not forgotten."""

from pathlib import Path

import pytest

from tests.builders.served import lukhas
from tests.durability.kill_loop import KILLS, Kill, kill_loop


@pytest.mark.parametrize("kill", KILLS)
async def test_nothing_that_was_answered_is_lost_or_doubled_by_a_kill(kill: Kill, tmp_path: Path) -> None:
    loop = await kill_loop(tmp_path, kill, f"m-{kill}")
    assert loop.faults == []
    counted = loop.figures
    assert counted.whole > 50
    assert counted.began == counted.rows >= counted.whole
    if kill == "office":
        assert counted.lost == 0
    # Five seconds are promised, and looked at where nothing else runs: `make nightly`.
    assert loop.ready < 20
    verified = lukhas("audit", "verify", "--data", "data", cwd=tmp_path)
    assert verified.returncode == 0, verified.stdout + verified.stderr
