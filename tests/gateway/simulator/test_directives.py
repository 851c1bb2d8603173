"""The `!` lines of a message."""

import pytest

from gateway.simulator.directives import Call, Turn, read_directives
from gateway.simulator.errors import ApiError
from gateway.simulator.replies import Pacing


def test_what_is_not_a_directive_is_the_question():
    directives = read_directives("Wow!\n!important thing\n!delay 5\nsays !say nothing")
    assert directives.question == "Wow!\n!important thing\nsays !say nothing"
    assert directives.say is None
    assert directives.pacing == Pacing(delay_ms=5)


def test_several_directives_hold_together():
    directives = read_directives("!chunks 50 pace=10\n  !cut 3  \n!long 7")
    assert (directives.chunks, directives.long) == (50, 7)
    assert directives.pacing == Pacing(pace_ms=10, cut=3)


def test_what_is_said_before_a_call_goes_with_the_call():
    directives = read_directives("!say first\n!tool a {}\n!say last")
    assert directives.turns == (Turn("first", (Call("a", "{}"),)),)
    assert directives.say == "last"


def test_arguments_stay_as_they_were_written():
    assert read_directives('!tool a {"x":  1').turns[0].calls == (Call("a", '{"x":  1'),)


def test_tools_may_have_nested_arguments_or_none():
    calls = read_directives('!tools a {"x": {"y": "} b"}} b c {"z": 1}').turns[0].calls
    assert calls == (Call("a", '{"x": {"y": "} b"}}'), Call("b", "{}"), Call("c", '{"z": 1}'))


def test_an_error_takes_its_options_and_headers():
    error = read_directives("!error 429 Retry-After=2 x-should-retry=false type=odd code=slow after=4").error
    assert (error.status, error.kind, error.code, error.after) == (429, "odd", "slow", 4)
    assert error.headers == ((b"retry-after", b"2"), (b"x-should-retry", b"false"))


@pytest.mark.parametrize(
    "line",
    [
        "!error",
        "!error 200",
        "!error 4x9",
        "!error 500 bad:name=1",
        "!delay -1",
        "!delay 99999999999999999999",
        "!chunks 0",
        "!chunks 5 speed=1",
        "!cut",
        "!long 0",
        "!tool",
        "!tools",
        "!tools a {broken",
        "!tools a " + '{"x":' * 5000,
    ],
)
def test_a_directive_that_cannot_be_read_is_an_error(line):
    with pytest.raises(ApiError) as caught:
        read_directives(line)
    assert (caught.value.status, caught.value.code) == (400, "bad_directive")
