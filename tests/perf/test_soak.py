"""The soak sends what it should, and tells growth from noise."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from perf.plot import Line, plotted
from perf.servers import REFERENCE
from perf.soak import Sample, growth_mb, main


def samples(*megabytes: float) -> list[Sample]:
    return [Sample(60.0 * number, 1000 * number, 200.0 - each, each) for number, each in enumerate(megabytes, start=1)]


def test_what_grows_by_a_megabyte_a_minute_grows_by_ten_in_ten_minutes() -> None:
    assert growth_mb(samples(100, 101, 102, 103), warm=0) == pytest.approx(10.0)


def test_the_warming_up_does_not_count() -> None:
    assert growth_mb(samples(50, 100, 100, 100), warm=1000) == pytest.approx(0.0)


def test_a_slope_needs_two_samples() -> None:
    with pytest.raises(ValueError, match="send more requests"):
        growth_mb(samples(50, 100), warm=1000)


def test_a_short_soak_says_what_it_saw_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawing = tmp_path / "soak.svg"
    asked = ["--requests", "4000", "--warm", "0", "--plot", str(drawing), "--gateway", REFERENCE]
    main([*asked, "--connections", "8"])
    assert "4000 requests in " in capsys.readouterr().out
    assert ElementTree.fromstring(drawing.read_text()).tag.endswith("svg")


def test_a_plot_shows_every_line_by_its_name() -> None:
    drawing = plotted("A & B", "requests", [Line("first", [(0, 1), (10, 2)]), Line("second", [(0, 3), (10, 3)])])
    texts = [element.text for element in ElementTree.fromstring(drawing).iter() if element.tag.endswith("text")]
    assert {"A & B", "requests", "first", "second"} <= set(texts)
