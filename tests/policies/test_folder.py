"""A policy is the operator's where there is one, else the shipped one."""

from pathlib import Path

import msgspec
import pytest

from policies.document import DocumentError
from policies.folder import read_policy


class Order(msgspec.Struct, frozen=True):
    order: tuple[str, ...]


def test_the_operators_policy_is_laid_over_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "tiers.yaml").write_text("order: [A]")
    assert read_policy("tiers.yaml", Order, tmp_path) == (str(tmp_path / "tiers.yaml"), Order(("A",)))


@pytest.mark.parametrize("named", [True, False])
def test_without_one_the_shipped_policy_holds(tmp_path: Path, named: bool) -> None:
    source, policy = read_policy("tiers.yaml", Order, tmp_path if named else None)
    assert (source, policy.order[0]) == ("policies/tiers.yaml", "T1")


def test_a_policy_of_the_operator_that_cannot_be_read_does_not_fall_back(tmp_path: Path) -> None:
    (tmp_path / "tiers.yaml").mkdir()
    with pytest.raises(DocumentError, match=r"tiers\.yaml: cannot be read"):
        read_policy("tiers.yaml", Order, tmp_path)


def test_a_link_that_leads_nowhere_does_not_fall_back(tmp_path: Path) -> None:
    (tmp_path / "tiers.yaml").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DocumentError, match=r"tiers\.yaml: cannot be read"):
        read_policy("tiers.yaml", Order, tmp_path)


def test_a_name_that_the_disk_refuses_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="cannot be read: File name too long"):
        read_policy("a" * 300, Order, tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"policies\.folder .*nowhere is no folder"):
        read_policy("tiers.yaml", Order, tmp_path / "nowhere")
