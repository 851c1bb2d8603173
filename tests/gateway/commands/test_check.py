"""`lukhas check` looks at all that a start would trip over, and at all of it at once."""

import json
from pathlib import Path

import pytest

from tests.builders.commands import lukhas_here as lukhas


def test_settings_without_a_fault(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("server: {port: 8001}\n")
    done = lukhas("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "settings:  lukhas.yaml" in done.stdout
    assert "prices:    as of 20" in done.stdout
    assert "plugins:   sign_in > tier_check > signals > symbols > modulation > " in done.stdout


def test_checking_leaves_nothing_behind(tmp_path: Path) -> None:
    lukhas("check", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_faults_are_both_named(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("admin: {listen: here}\nchain: [nobody]\n")
    done = lukhas("check", "--json", cwd=tmp_path)
    faults = [each["fault"] for each in json.loads(done.stdout)["checks"] if each["fault"]]
    assert done.returncode == 1
    assert [fault.split(":")[0].split(" ")[0] for fault in faults] == ["admin.listen", "The"]


def test_a_wrong_modulation_policy_is_named_before_anybody_asks_it(tmp_path: Path) -> None:
    (tmp_path / "modulation.yaml").write_text("signals: {mood: 1}\n")
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: .}\n")
    done = lukhas("check", cwd=tmp_path)
    assert done.returncode == 1
    assert "modulation.yaml, line 1, signals.mood: unknown key; known: alignment_risk, stress" in done.stderr


def test_a_policy_with_a_slip_in_its_name_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "tools.yml").write_text("client_tools: listed\n")
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: .}\n")
    done = lukhas("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "warning:   Nobody reads tools.yml" in done.stdout
    assert done.stdout.count("Nobody reads") == 1


@pytest.mark.parametrize(("name", "key"), [("prices.yaml", "as_of"), ("tiers.yaml", "order")])
def test_an_empty_policy_is_named_with_the_key_that_it_needs(tmp_path: Path, name: str, key: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: .}\n")
    done = lukhas("check", cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, f"{name}: needs the key `{key}`.")
    assert "Traceback" not in done.stderr


def test_all_queries_that_are_wrong_are_named(tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    for name in ("one", "two"):
        (tmp_path / "queries" / f"{name}.sql").write_text("SELECT 1\n")
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: .}\n")
    done = lukhas("check", cwd=tmp_path)
    assert done.returncode == 1
    assert [line.partition(",")[0] for line in done.stderr.splitlines()] == ["queries/one.sql", "queries/two.sql"]


def test_a_price_that_a_wider_one_hides_is_a_warning(tmp_path: Path) -> None:
    price = "from: 2026-01-01, input: 1, output: 1"
    (tmp_path / "prices.yaml").write_text(
        f"as_of: 2026-01-01\nprices:\n  - {{models: [o3, '*'], {price}}}\n"
        f"  - {{models: [gpt-4o*, o3-mini], {price}}}\n  - {{models: [o3-pro], {price}, service_tier: flex}}\n"
    )
    (tmp_path / "lukhas.yaml").write_text("policies: {folder: .}\n")
    done = lukhas("check", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    hidden = [line.split()[2] for line in done.stdout.splitlines() if "never counts, since * stands above it" in line]
    assert sorted(hidden) == ["gpt-4o*", "o3-mini"]


def with_a_wrong_price(folder: Path) -> None:
    (folder / "prices.yaml").write_text(
        "as_of: 2026-01-01\nprices:\n  - {models: [a], from: 2026-01-01, input: 1, output: cheap}\n"
    )
    (folder / "lukhas.yaml").write_text("policies: {folder: .}\n")


@pytest.mark.parametrize("command", [("check",), ("serve", "--port", "0"), ("serve", "--port", "0", "--one-process")])
def test_a_wrong_price_is_named_with_file_line_and_key(tmp_path: Path, command: tuple[str, ...]) -> None:
    with_a_wrong_price(tmp_path)
    done = lukhas(*command, cwd=tmp_path)
    assert done.returncode == 1
    assert "prices.yaml, line 3, prices[0].output: " in done.stderr


def test_a_plugin_that_cannot_start_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("auth: {keys: [{key: lk-1, tier: T9}]}\n")
    done = lukhas("check", cwd=tmp_path)
    assert done.returncode == 1
    assert "auth.keys[0].tier: unknown tier 'T9'" in done.stderr


def test_handlers_that_contradict_each_other_are_a_fault(tmp_path: Path) -> None:
    (tmp_path / "twice.py").write_text(
        "from litestar import get\n\nfrom gateway import hookimpl\n\n\n"
        "@get('/twice')\nasync def one() -> str:\n    return ''\n\n\n"
        "@get('/twice')\nasync def two() -> str:\n    return ''\n\n\n"
        "class Twice:\n    @hookimpl\n    def register_handlers(self):\n        return [one, two]\n"
    )
    (tmp_path / "lukhas.yaml").write_text("chain: [default, twice.py]\n")
    done = lukhas("check", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("The handlers of the plugins do not fit together: ")
