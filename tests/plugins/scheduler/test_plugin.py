from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from gateway.live_policies import LivePolicies
from gateway.testing import a_call, a_caller, an_exchange, plugin_kit, started
from identity.keyring import Keyring
from plugins.scheduler import Scheduler
from plugins.scheduler.plugin import LONGEST_NOTE, MOST_WAITING, NAME
from policies.document import DocumentError, converted
from storage.state.notes import note_of
from storage.state.records import Task
from storage.state.schema import brought_up_to_date
from storage.state.state import State

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
ADA = a_caller(principal="key:ada")
LISTED = "scheduler: {hosts: [127.0.0.1]}\n"
Made = Callable[..., Scheduler]


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
def made(people: Keyring, tmp_path: Path) -> Iterator[Made]:
    """Makes and starts a scheduler with these settings, under a `tools.yaml`."""
    plugins: list[Scheduler] = []

    def make(tools: str = LISTED, **settings: object) -> Scheduler:
        (tmp_path / "tools.yaml").write_text(tools)
        plugins.append(Scheduler(msgspec.convert(settings, Scheduler.Settings), lambda: NOW))
        plugins[-1].startup(started(tmp_path, people=people, policies=LivePolicies(tmp_path)))
        return plugins[-1]

    yield make
    for plugin in plugins:
        plugin.shutdown()


def tasks_of(state: State, people: Keyring) -> list[Task]:
    return state.tasks.of(people.person("key:ada").pseudonym)


async def test_a_call_keeps_a_task_that_only_the_callers_key_opens(made: Made, state: State, people: Keyring) -> None:
    call = a_call(NAME, '{"when": "PT1H", "note": "call Bob"}')
    result = await made().run_tool(an_exchange(caller=ADA), call)
    assert result is not None
    assert not result.failed
    (task,) = tasks_of(state, people)
    assert msgspec.json.decode(result.output) == {"id": task.id, "due": "2026-11-20T13:00:00Z"}
    assert task.due == datetime(2026, 11, 20, 13, tzinfo=UTC)
    assert note_of(task, people.person("key:ada").key).note == "call Bob"
    assert b"Bob" not in task.sealed


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("not json", "not JSON"),
        ('{"when": "PT1H"}', "missing required field `note`"),
        ('{"when": "PT1H", "note": ""}', "length >= 1"),
        ('{"when": "soon", "note": "x"}', "neither a moment"),
        ('{"when": "2020-01-01", "note": "x"}', "in the past"),
        ('{"when": "PT1H", "note": "x", "to": "http://evil.example"}', "unknown field"),
        ('{"when": "PT1H", "note": "%s"}' % ("x" * (LONGEST_NOTE + 1)), "length <="),
    ],
    ids=["json", "missing", "empty", "soon", "past", "unknown", "long"],
)
async def test_arguments_that_do_not_fit_are_told_to_the_model(
    made: Made, state: State, people: Keyring, arguments: str, says: str
) -> None:
    result = await made().run_tool(an_exchange(caller=ADA), a_call(NAME, arguments))
    assert result is not None
    assert result.failed
    assert says in result.output
    assert tasks_of(state, people) == []


async def test_one_caller_cannot_fill_the_table(made: Made, state: State, people: Keyring) -> None:
    person = people.person("key:ada").pseudonym
    for number in range(MOST_WAITING):
        state.tasks.add(Task(f"t-{number}", person, NOW, b"sealed", NOW))
    call = a_call(NAME, '{"when": "PT1H", "note": "x"}')
    result = await made().run_tool(an_exchange(caller=ADA), call)
    assert result is not None
    assert result.failed
    assert "100 tasks are waiting" in result.output
    assert state.tasks.waiting(person) == MOST_WAITING


async def test_before_the_office_made_the_tables_the_model_is_told_so(made: Made) -> None:
    result = await made().run_tool(an_exchange(caller=ADA), a_call(NAME, '{"when": "PT1H", "note": "x"}'))
    assert result is not None
    assert result.failed
    assert result.output == "Tasks cannot be kept at the moment."


async def test_calls_of_other_names_are_anothers(made: Made) -> None:
    assert await made().run_tool(an_exchange(), a_call("lookup")) is None


def test_a_webhook_whose_host_is_not_listed_is_not_told_and_readiness_says_so(made: Made, state: State) -> None:
    scheduler = made("scheduler: {hosts: [hooks.example]}\n", webhook="https://other.example/x")
    assert scheduler.tell() is False
    assert scheduler.health() == ("plugins.scheduler.webhook: other.example is none of scheduler.hosts in tools.yaml.")
    assert made("scheduler: {hosts: [other.example]}\n", webhook="https://other.example/x").health() is None
    assert made().health() is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"webhook": "file:///etc/passwd"}, r"webhook: Only http and https"),
        ({"webhook": "https://u:p@hooks.example/"}, r"webhook: A URL with a user name"),
        ({"webhook": "https://hooks.example/", "key": "short"}, r"key: it is not whsec_|key: it has fewer"),
        ({"webhook": "https://hooks.example/", "networks": ["10.0.0.0/33"]}, r"networks: '10.0.0.0/33'"),
    ],
    ids=["file", "password", "key", "network"],
)
def test_settings_that_cannot_be_are_a_sentence_with_their_place(settings: dict[str, object], says: str) -> None:
    with pytest.raises(DocumentError, match=r"lukhas\.yaml, plugins\.scheduler.*" + says):
        converted(settings, Scheduler.Settings, "lukhas.yaml", {}, ("plugins", "scheduler"))


def test_the_plugin_behaves_whatever_it_is_given(made: Made) -> None:
    plugin_kit(made()).check()
