"""What the office says is wrong, as the workers read it."""

from pathlib import Path

from gateway.office_fault import OfficeFault


def test_what_was_told_is_read_until_all_is_well(tmp_path: Path) -> None:
    office, worker = OfficeFault(tmp_path / "office.fault"), OfficeFault(tmp_path / "office.fault")
    assert worker.told() is None
    office.tell("The disk is full.")
    office.tell("The disk is full, and ä.")
    assert worker.told() == "The disk is full, and ä."
    office.tell(None)
    office.tell(None)
    assert worker.told() is None
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_gone_says_nothing(tmp_path: Path) -> None:
    assert OfficeFault(tmp_path / "nosuch" / "office.fault").told() is None
