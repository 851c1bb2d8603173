from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes

import msgspec
import pytest

from gateway.testing import a_call, a_caller, an_exchange, plugin_kit, started
from identity.caller import Caller
from identity.keyring import Keyring
from plugins.retrieval import NAME, Retrieval
from storage.state.documents import nonce_bytes
from storage.state.records import Document, Found
from storage.state.schema import brought_up_to_date
from storage.state.state import State
from storage.state.state_error import StateError

NOW = datetime(2026, 11, 20, tzinfo=UTC)
RULES = "Refunds are paid within 14 days."


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Keyring]:
    keyring = Keyring(tmp_path)
    keyring.open()
    yield keyring
    keyring.close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = State(tmp_path)
    state.open(brought_up_to_date)
    yield state
    state.close()


@pytest.fixture
def retrieval(people: Keyring, state: State, tmp_path: Path) -> Iterator[Retrieval]:
    retrieval = Retrieval()
    retrieval.startup(started(tmp_path, people=people))
    yield retrieval
    retrieval.shutdown()


def remember(people: Keyring, state: State, principal: str, id: str, text: str) -> None:
    person = people.person(principal)
    document = Document(id, person.pseudonym, f"about {id}", NOW)
    state.documents.add(document, text, person.key, token_bytes(nonce_bytes(text)))


async def asked(retrieval: Retrieval, arguments: str, principal: str = "key:ada") -> list[dict[str, str]]:
    result = await retrieval.run_tool(an_exchange(caller=a_caller(principal=principal)), a_call(NAME, arguments))
    assert result is not None
    assert not result.failed, result.output
    passages: list[dict[str, str]] = msgspec.json.decode(result.output)["passages"]
    return passages


class Knowledge:
    """Remembers how it was asked, and fails at first."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.asked: list[tuple[str, int]] = []

    def search(self, query: str, k: int, caller: Caller) -> Sequence[Found]:
        self.asked.append((query, k))
        if len(self.asked) <= self.failures:
            raise StateError("The state is busy.")
        return [Found("d-1", "rules", 0, RULES, 1.0)]


async def test_the_model_is_given_passages_of_the_callers_own_documents(
    retrieval: Retrieval, people: Keyring, state: State
) -> None:
    remember(people, state, "key:ada", "d-1", RULES)
    remember(people, state, "key:bob", "d-2", "Refunds are for Bob alone.")
    assert await asked(retrieval, '{"query": "refund"}') == [{"document": "about d-1", "text": RULES}]


@pytest.mark.parametrize(
    ("arguments", "limits", "k"),
    [
        ('{"query": "refund"}', {}, 6),
        ('{"query": "refund", "k": 9}', {}, 9),
        ('{"query": "refund", "k": 9}', {"retrieval_k": 4}, 4),
        ('{"query": "refund", "k": 2}', {"retrieval_k": 4}, 2),
        ('{"query": "refund"}', {"retrieval_k": 8}, 8),
    ],
    ids=["usual", "asked", "limited", "fewer", "as-the-policy-says"],
)
async def test_there_are_at_most_as_many_passages_as_the_exchange_may_have(
    arguments: str, limits: dict[str, float], k: int
) -> None:
    knowledge, exchange = Knowledge(), an_exchange(caller=a_caller())
    exchange.limits = limits
    await Retrieval(knowledge).run_tool(exchange, a_call(NAME, arguments))
    assert knowledge.asked == [("refund", k)]


async def test_whoever_was_never_met_has_no_documents_and_is_not_added(retrieval: Retrieval, people: Keyring) -> None:
    assert await asked(retrieval, '{"query": "refund"}', "key:stranger") == []
    assert people.pseudonym_of("key:stranger") is None


async def test_no_more_passages_than_asked_for(retrieval: Retrieval, people: Keyring, state: State) -> None:
    for number in range(9):
        remember(people, state, "key:ada", f"d-{number}", RULES)
    assert len(await asked(retrieval, '{"query": "refunds", "k": 2}')) == 2
    assert len(await asked(retrieval, '{"query": "refunds"}')) == 6
    assert len(await asked(retrieval, '{"query": "refunds", "k": null}')) == 6


async def test_a_store_that_fails_in_passing_is_asked_again() -> None:
    knowledge = Knowledge(failures=1)
    assert len(await asked(Retrieval(knowledge), '{"query": "refund", "k": 3}')) == 1
    assert knowledge.asked == [("refund", 3)] * 2


async def test_a_store_that_goes_on_failing_is_a_sentence_for_the_model() -> None:
    result = await Retrieval(Knowledge(failures=99)).run_tool(an_exchange(), a_call(NAME, '{"query": "x"}'))
    assert result is not None
    assert result.failed
    assert result.output == "The documents cannot be searched at the moment."


@pytest.mark.parametrize(
    "arguments",
    ["not json", "{}", '{"query": 1}', '{"query": "x", "k": 0}', '{"query": "x", "k": 21}', '{"query": "x", "z": 1}'],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model(retrieval: Retrieval, arguments: str) -> None:
    result = await retrieval.run_tool(an_exchange(), a_call(NAME, arguments))
    assert result is not None
    assert result.failed
    assert "arguments" in result.output


async def test_calls_of_other_names_are_anothers(retrieval: Retrieval) -> None:
    assert await retrieval.run_tool(an_exchange(), a_call("lookup")) is None


def test_the_plugin_behaves_whatever_it_is_given() -> None:
    plugin_kit(Retrieval(Knowledge())).check()
