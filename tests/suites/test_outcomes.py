"""Tests of the comparison on which the suites' verdict rests."""

from pathlib import Path

from tests.suites.outcomes import Outcome, compare, counts, read_outcomes

PASSED, SKIPPED = Outcome("passed"), Outcome("skipped", "later")
REFUSED, MISSING = Outcome("failed", "Error code: 400"), Outcome("failed", "Error code: 404")


def test_a_report_is_read_test_by_test(tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="a.B" name="good"/>'
        '<testcase classname="a.B" name="bad"><failure message="no">...</failure></testcase>'
        '<testcase classname="a.B" name="broken"><error message="oh">...</error></testcase>'
        '<testcase classname="a.B" name="left"><skipped message="later"/></testcase></testsuite></testsuites>'
    )
    assert read_outcomes(report) == {
        "a.B::good": PASSED,
        "a.B::bad": Outcome("failed", "no"),
        "a.B::broken": Outcome("failed", "oh"),
        "a.B::left": SKIPPED,
    }


def test_equal_runs_differ_nowhere() -> None:
    run = {"a": PASSED, "b": MISSING, "c": SKIPPED}
    found = compare(run, dict(run))
    assert (found.lost, found.changed, found.gained) == ((), (), ())


def test_what_passes_directly_and_not_through_is_lost() -> None:
    run = {"a": PASSED, "b": PASSED, "c": PASSED, "d": PASSED}
    found = compare(run, {"a": MISSING, "b": SKIPPED, "d": PASSED})
    assert [sentence.partition(":")[0] for sentence in found.lost] == ["a", "b", "c"]


def test_another_error_than_the_upstreams_is_seen() -> None:
    found = compare({"a": MISSING, "b": MISSING}, {"a": REFUSED, "b": MISSING})
    assert found.lost == ()
    assert found.changed == ("a: failed directly (Error code: 404), failed through (Error code: 400)",)


def test_addresses_may_differ() -> None:
    before = Outcome("failed", "<Response at 0x7f01> from http://127.0.0.1:4010/files")
    after = Outcome("failed", "<Response at 0x7f02> from http://127.0.0.1:5020/v1/files")
    assert compare({"a": before}, {"a": after}).changed == ()


def test_a_test_that_only_the_gateway_lets_pass_is_gained() -> None:
    assert len(compare({"a": MISSING}, {"a": PASSED}).gained) == 1


def test_the_counts_are_said() -> None:
    assert counts([PASSED, PASSED, MISSING]) == "2 passed, 1 failed, 0 skipped"
