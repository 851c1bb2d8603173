"""Tests of the way to the SDK's source."""

import pytest

from tests.suites.sdk_source import LOCK, NoSource, locked_requirement

LINES = """\
openai-extra==9.9.9 \\
    --hash=sha256:00
openai==1.2.3 \\
    --hash=sha256:11 \\
    --hash=sha256:22
    # via somebody
packaging==26.3 \\
    --hash=sha256:33
"""


def test_one_package_is_taken_out_of_the_lock_with_its_hashes() -> None:
    assert locked_requirement(LINES, "openai") == ("openai==1.2.3 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\n")


def test_a_package_that_is_not_locked_is_a_fault() -> None:
    with pytest.raises(NoSource, match="does not pin respx"):
        locked_requirement(LINES, "respx")


def test_our_own_lock_pins_the_sdk() -> None:
    assert locked_requirement(LOCK.read_text(), "openai").count("--hash=sha256:") >= 2
