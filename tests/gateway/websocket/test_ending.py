"""What the end of one side means."""

import pytest

from gateway.websocket.ending import STOPPED, Ending, Goodbye, ending_of
from gateway.websocket.link import Farewell


@pytest.mark.parametrize(
    ("side", "code", "outcome", "error"),
    [
        ("client", 1000, "answered", None),
        ("client", 1001, "client_gone", "the client closed with 1001"),
        ("client", 1011, "answered", "the client closed with 1011"),
        ("client", 4001, "answered", "the client closed with 4001"),
        ("upstream", 1000, "answered", None),
        ("upstream", 1001, "cut", "the upstream closed with 1001"),
        ("upstream", 1011, "cut", "the upstream closed with 1011"),
        ("upstream", 3000, "answered", "the upstream closed with 3000"),
        ("upstream", 4001, "answered", "the upstream closed with 4001"),
    ],
)
def test_a_close_frame_goes_on_as_it_came(side, code, outcome, error):
    told = Goodbye(code, "why")
    assert ending_of(side, Farewell(code, "why")) == Ending(outcome, told, told, error, side)


@pytest.mark.parametrize("side", ["client", "upstream"])
def test_an_empty_close_frame_goes_on_empty(side):
    assert ending_of(side, Farewell(1005)) == Ending("answered", Goodbye(), Goodbye(), None, side)


def test_an_upstream_that_breaks_off_is_told_as_an_internal_error():
    ending = ending_of("upstream", Farewell())
    assert (ending.outcome, ending.error) == ("cut", "the upstream broke the connection off")
    assert ending.to_client == Goodbye(1011, "The upstream broke the connection off.")


def test_a_client_that_breaks_off_is_told_as_going_away():
    ending = ending_of("client", Farewell())
    assert (ending.outcome, ending.to_upstream) == ("client_gone", Goodbye(1001))


@pytest.mark.parametrize(("fault", "told"), [(1002, 1011), (1007, 1007), (1009, 1009)])
def test_a_fault_in_the_upstreams_frames_is_told_where_it_says_what_the_client_would_find(fault, told):
    ending = ending_of("upstream", Farewell(fault=fault))
    assert (ending.outcome, ending.to_client.code) == ("cut", told)
    assert ending.error == f"the upstream broke the protocol: {fault}"


def test_a_fault_in_the_clients_frames_is_the_clients():
    ending = ending_of("client", Farewell(fault=1007))
    assert (ending.outcome, ending.error) == ("client_gone", "the client broke the protocol: 1007")


@pytest.mark.parametrize(("side", "outcome"), [("client", "client_gone"), ("upstream", "cut")])
def test_what_was_under_way_is_cut_by_the_side_that_closed_however_calmly(side, outcome):
    assert ending_of(side, Farewell(1000)).left == outcome


def test_what_was_under_way_when_the_gateway_stopped_was_stopped():
    assert STOPPED.left == "stopped"


def test_a_side_that_does_not_read_is_recorded_as_that():
    assert ending_of("client", Farewell(stalled=True)).error == "the client stopped reading"
