"""The benchmark prints a row for each server and case, and keeps every window for later."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from perf.bench import main, row
from perf.windows import Window

WINDOW = Window("gateway", "plain", 32, 100, 100, 50.0, 7.0, 1000.0, 1.0, 2.0, 1.0, 2.0, 20.0, 0.0)


def test_rows_come_out_for_each_server(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "windows.jsonl"
    wanted = ["--server", "direct", "--server", "reference", "--case", "plain-1", "--rounds", "1"]
    drawing = tmp_path / "cost.svg"
    assert main([*wanted, "--json", str(kept), "--chart", str(drawing)]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^\| reference \| \d+\.\d\d \|$", out, re.MULTILINE)
    texts = [element.text for element in ElementTree.fromstring(drawing.read_text()).iter()]
    assert "reference, 1" in texts
    assert "| direct | plain c=1 |" in out
    assert "| reference | plain c=1 |" in out
    assert [json.loads(line)["server"] for line in kept.read_text().splitlines()] == ["direct", "reference"]


def test_a_row_is_the_middle_window() -> None:
    assert "| 60.0 | 7.0 |" in row([replace(WINDOW, serving_us=cost) for cost in (90.0, 60.0, 50.0)])


def test_a_void_window_gives_no_figures() -> None:
    void = replace(WINDOW, serving_us=1.0, void="a worker came or went")
    assert "| 50.0 |" in row([void, WINDOW])
    assert "void: a worker came or went" in row([void])
