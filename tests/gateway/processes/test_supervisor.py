"""The processes of a gateway: how they start, what happens when one dies, and how they stop."""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from perf.processes import tree
from storage.segments import segments
from tests.builders.served import KEY, Served, eventually, lukhas, served, surroundings

SLOW_STREAM = {
    "model": "gpt-4o-mini",
    "stream": True,
    "messages": [{"role": "user", "content": "!chunks 20 pace=40"}],
}
ENDLESS_STREAM = SLOW_STREAM | {"messages": [{"role": "user", "content": "!chunks 2000 pace=40"}]}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Served]:
    """A gateway that a test may stop."""
    with served(tmp_path, "--simulate") as running:
        yield running


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway that survives what tests do to its children."""
    with served(tmp_path_factory.mktemp("lasting"), "--simulate") as running:
        yield running


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway whose requests may meet either worker."""
    environ = {"OPENAI_API_KEY": "sk-secret-of-the-operator"}
    with served(tmp_path_factory.mktemp("two"), "--simulate", "--workers", "2", environ=environ) as running:
        yield running


def models(running: Served) -> int:
    return httpx.get(f"{running.url}/v1/models", headers=KEY, timeout=10).status_code


def test_workers_and_office_are_processes_that_tools_can_tell_apart(two_workers: Served) -> None:
    (office,) = two_workers.pids("office")
    workers = two_workers.pids("worker")
    assert len(workers) == 2
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert os.getpriority(os.PRIO_PROCESS, office) == min(ours + 10, 19)
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in workers] == [ours, ours]


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux is niceness a thread's own")
def test_every_thread_of_the_office_that_works_yields_to_the_workers(two_workers: Served) -> None:
    (office,) = two_workers.pids("office")
    threads = [int(path.name) for path in Path(f"/proc/{office}/task").iterdir()]
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    unyielding = [each for each in threads if os.getpriority(os.PRIO_PROCESS, each) < min(ours + 10, 19)]
    # The lifeline, which waits for the end of the supervisor.
    assert len(unyielding) <= 1 < len(threads)


def test_the_memory_of_the_office_is_bounded_and_that_of_the_workers_is_not(two_workers: Served) -> None:
    (office,) = two_workers.pids("office")
    bounds = {pid: resource.prlimit(pid, resource.RLIMIT_DATA)[0] for pid in [office, *two_workers.pids("worker")]}
    assert bounds.pop(office) == 3 << 30
    assert set(bounds.values()) == {resource.getrlimit(resource.RLIMIT_DATA)[0]}


def test_no_secret_stands_on_a_command_line(two_workers: Served) -> None:
    pids = [each.pid for each in tree(two_workers.process.pid)]
    assert len(pids) == 5
    assert b"sk-secret" not in b"".join(Path(f"/proc/{pid}/cmdline").read_bytes() for pid in pids)


def test_metrics_of_any_worker_answer_for_all(two_workers: Served) -> None:
    one_connection_each = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=two_workers.url, headers=KEY, limits=one_connection_each) as client:
        for _ in range(40):
            assert client.get("/v1/models").status_code == 200
        journals = [path for path in two_workers.data.glob("journal/*/*.jsonl") if path.stat().st_size]
        assert len(journals) == 2, "both workers answered"
        counted = 'lukhas_exchanges_total{endpoint="models",outcome="answered",status="200"} 40.0'
        eventually(lambda: counted in client.get("/metrics").text, 2.0)
        assert all(counted in client.get("/metrics").text for _ in range(10))


def test_a_stop_takes_no_new_connections_and_lets_a_stream_end(running: Served) -> None:
    with httpx.stream("POST", f"{running.url}/v1/chat/completions", headers=KEY, json=SLOW_STREAM) as reply:
        lines = reply.iter_lines()
        next(lines)
        running.process.send_signal(signal.SIGTERM)
        eventually(lambda: refused(running.url), 0.7)
        rest = list(lines)
    assert rest[-2:] == ["data: [DONE]", ""]
    assert running.process.wait(10) == 0
    assert [each["outcome"] for each in running.ended()] == ["answered"]


def refused(url: str) -> bool:
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


def test_what_does_not_end_in_time_is_broken_off_and_recorded_as_stopped(tmp_path: Path) -> None:
    settings = "server: {drain_timeout: 0.3}\nplugins: {log: {to: nowhere}}\n"
    with served(tmp_path, "--simulate", settings=settings) as running:
        with httpx.stream("POST", f"{running.url}/v1/chat/completions", headers=KEY, json=ENDLESS_STREAM) as reply:
            lines = reply.iter_lines()
            next(lines)
            running.process.send_signal(signal.SIGTERM)
            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)
        assert running.process.wait(10) == 0
        assert [each["outcome"] for each in running.ended()] == ["stopped"]


def test_a_second_signal_stops_at_once(running: Served) -> None:
    with httpx.stream("POST", f"{running.url}/v1/chat/completions", headers=KEY, json=ENDLESS_STREAM) as reply:
        lines = reply.iter_lines()
        next(lines)
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(5) == 0
        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
    assert [each["outcome"] for each in running.ended()] == ["stopped"]


def test_a_killed_worker_is_started_again_and_the_next_request_waits_for_it(lasting: Served) -> None:
    (before,) = lasting.pids("worker")
    os.kill(before, signal.SIGKILL)
    assert models(lasting) == 200
    (after,) = lasting.pids("worker")
    assert after != before
    assert f"process {before}) was ended by SIGKILL; it is started again" in lasting.complaints
    metrics = httpx.get(f"{lasting.url}/metrics").text
    assert 'lukhas_process_restarts_total{role="worker"} 1.0' in metrics


def test_without_the_office_its_paths_answer_503_and_the_model_api_goes_on(lasting: Served) -> None:
    (before,) = lasting.pids("office")
    os.kill(before, signal.SIGSTOP)
    os.kill(before, signal.SIGKILL)
    refused = eventually(lambda: reply if (reply := httpx.get(f"{lasting.url}/docs")).status_code == 503 else None, 1.0)
    assert refused.json()["error"]["code"] == "office_unavailable"
    ready = httpx.get(f"{lasting.url}/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert models(lasting) == 200
    eventually(lambda: httpx.get(f"{lasting.url}/docs").status_code == 200)
    assert httpx.get(f"{lasting.url}/readyz").json()["status"] == "ready"


def test_no_process_outlives_a_supervisor_that_is_killed(running: Served) -> None:
    children = [*running.pids("worker"), *running.pids("office")]
    assert len(children) == 2
    running.process.kill()
    eventually(lambda: not any(Path(f"/proc/{pid}/stat").exists() for pid in children), 8.0)


def test_a_killed_gateway_leaves_nothing_that_keeps_the_next_from_starting(tmp_path: Path) -> None:
    with served(tmp_path, "--simulate", "--one-process") as running:
        assert models(running) == 200
        port = running.url.rpartition(":")[2]
        running.process.kill()
        running.process.wait()
        assert len(list((running.data / "run").iterdir())) == 1
        eventually(lambda: refused(running.url))
    with served(tmp_path, "--simulate", "--one-process", "--port", port) as again:
        assert models(again) == 200
        assert [path.name for path in (again.data / "run").iterdir()] == [str(again.process.pid)]
        assert len(segments(again.data / "journal")) == 2
        with httpx.Client(base_url=again.url, headers=KEY) as idle:
            idle.get("/v1/models")
            began = time.monotonic()
            again.process.send_signal(signal.SIGTERM)
            assert again.process.wait(10) == 0
            assert time.monotonic() - began < 5, "an idle connection does not hold a stop up"
    assert list((again.data / "run").iterdir()) == []


def test_a_taken_port_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = lukhas("serve", "--port", str(port), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"Port {port} on 127.0.0.1 is taken; choose another with --port.\n"


def test_a_plugin_that_cannot_start_ends_the_whole_start_with_its_message(tmp_path: Path) -> None:
    (tmp_path / "sulking.py").write_text(
        "from gateway import Startup, hookimpl\n\n\n"
        "class Sulking:\n"
        "    @hookimpl\n"
        "    def startup(self, startup: Startup) -> None:\n"
        "        raise RuntimeError('the cellar is flooded')\n"
    )
    (tmp_path / "lukhas.yaml").write_text("chain: [default, sulking.py]\n")
    done = lukhas("serve", "--port", "0", "--workers", "2", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The plugin sulking cannot start: the cellar is flooded\n"


def test_a_process_that_dies_while_it_starts_ends_the_whole_start(tmp_path: Path) -> None:
    (tmp_path / "leaving.py").write_text("import os\nos._exit(7)\n")
    (tmp_path / "lukhas.yaml").write_text("chain: [default, leaving.py]\n")
    done = lukhas("serve", "--port", "0", "--one-process", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "The worker 0 ended with status 7 before it was ready; its reason stands above.\n"


def test_a_worker_whose_loop_stands_is_ended_and_started_again(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.builders.impatient", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=surroundings(), cwd=Path.cwd()) as process:
        assert process.stdout is not None
        before = int(process.stdout.readline())
        os.kill(before, signal.SIGSTOP)
        assert f"(process {before}) has stood still for 1 s; it is ended." in process.stdout.readline()
        assert f"(process {before}) was ended by SIGKILL" in process.stdout.readline()
        process.terminate()
        assert process.wait(10) == 0
