"""Loading the settings in force: flags over environment over file."""

from pathlib import Path

import pytest

from gateway.configuration import load_settings
from gateway.settings import Settings, is_loopback
from policies.document import DocumentError


def written(folder: Path, text: str) -> str:
    path = folder / "gateway.yaml"
    path.write_text(text)
    return str(path)


def test_flag_beats_environment_beats_file(tmp_path: Path) -> None:
    file = written(tmp_path, "server: {port: 1111, host: 127.0.0.9}\nupstream: {url: 'http://file/v1'}\n")
    environ = {"LUKHAS_PORT": "2222", "LUKHAS_UPSTREAM": "http://environ/v1"}
    settings = load_settings(file, environ, {("server", "port"): 3333}).settings
    assert (settings.server.port, settings.upstream.url, settings.server.host) == (
        3333,
        "http://environ/v1",
        "127.0.0.9",
    )


def test_a_flag_that_is_not_given_says_nothing(tmp_path: Path) -> None:
    file = written(tmp_path, "server: {port: 1111}")
    assert load_settings(file, {}, {("server", "port"): None}).settings.server.port == 1111


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, "mode: enforce")
    loaded = load_settings(None, {"LUKHAS_CONFIG": file})
    assert (loaded.settings.mode, loaded.folder) == ("enforce", tmp_path)


def test_without_a_file_the_defaults_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}).settings == Settings()


def test_the_operators_key_comes_from_the_environment() -> None:
    assert load_settings(None, {"OPENAI_API_KEY": "sk-operator"}).settings.upstream.api_key == "sk-operator"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sever: {}", r"line 1, sever: unknown key; known: server, .*Did you mean 'server'"),
        ("upstream: {proxy: '127.0.0.1:3128'}", r"line 1, upstream.proxy: '127.0.0.1:3128' is not of the form"),
        ("upstream: {ca_file: /nope}", r"line 1, upstream.ca_file: there is no file /nope"),
        ("upstream: {url: 'https://user:secret@x/v1'}", r"upstream.url: the address must not hold a user"),
        ("upstream: {url: 'https://x/v1?a=b'}", r"upstream.url: the address ends with its path"),
        ("upstream:\n  api_key: 'a b'", r"line 2, upstream.api_key: a key has no spaces"),
        ("server: {host: 'not a host'}", r"server.host: 'not a host' is neither"),
        ("server: {max_json_bytes: 0}", r"server.max_json_bytes: at least 1 KiB"),
        ("server: {workers: 100000}", r"server.workers: expected a whole number <= 256"),
        ("auth: {keys: [{key: ''}]}", r"auth.keys\[0\].key: a key is at least one character"),
        ("auth: {keys: [{key: a}, {key: a}]}", r"auth.keys\[1\].key: the same key stands above"),
        ("chain: []", r"line 1, chain: an empty chain knows no caller"),
        ("storage: {data: ''}", r"storage.data: the data folder needs a name"),
        ("policies: {folder: nowhere}", r"policies.folder: there is no folder .*nowhere"),
        ("coverage: {accepted_gaps: [{endpoints: a, hooks: [foo], reason: a long reason}]}", r"unknown hook 'foo'"),
        ("storage: {memory_url: x}", r"line 1, storage.memory_url: 'x' is not built yet"),
        ("storage:\n  archive_url: s3://x", r"line 2, storage.archive_url: 's3://x' is not built yet"),
        ("storage: {state_url: 'mysql://x'}", r"line 1, storage.state_url: it is not of the form postgresql://"),
        ("flags: {BROWSER_TOOL: maybe}", r"line 1, flags.BROWSER_TOOL: 'maybe' is neither on nor off"),
        ("flags: {BROWSER: true}", r"flags.BROWSER: unknown flag; known: BROWSER_TOOL"),
        ("upstream: {url: 'ftp://x'}", r"upstream.url: 'ftp://x' is not an http or https address"),
        ("upstream: {url: 'http://'}", r"upstream.url: 'http://' is not an http"),
        ("mode: on", r"line 1, mode: "),
        ("server: {workers: 0}", r"server.workers: expected a whole number >= 1"),
        ("coverage: {accepted_gaps: [{endpoints: a, hooks: [judge], reason: no}]}", r"reason: expected text"),
    ],
)
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(DocumentError, match=sentence) as caught:
        load_settings(written(tmp_path, text), {})
    assert "\n" not in str(caught.value)


def test_off_is_a_word_and_not_a_boolean(tmp_path: Path) -> None:
    text = "mode: off\naudit: {bodies: off}\nauth: {keys: [{key: a, mode: off}]}"
    settings = load_settings(written(tmp_path, text), {}).settings
    assert (settings.mode, settings.audit.bodies, settings.auth.keys[0].mode) == ("off", "off", "off")


def test_a_section_with_nothing_in_it_has_its_defaults(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "server:\nupstream:\n"), {}).settings == Settings()


def test_relative_paths_of_a_file_start_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    settings = load_settings(written(tmp_path, "policies: {folder: mine}"), {}).settings
    assert settings.policies.folder == str(tmp_path / "mine")


def test_a_wrong_environment_does_not_blame_the_file(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"^LUKHAS_UPSTREAM, upstream\.url: 'ftp://x' is not an http"):
        load_settings(written(tmp_path, "upstream: {url: 'http://x/v1'}"), {"LUKHAS_UPSTREAM": "ftp://x"})


def test_a_wrong_environment_names_the_variable() -> None:
    with pytest.raises(DocumentError, match=r"LUKHAS_PORT \(server.port\)"):
        load_settings(None, {"LUKHAS_PORT": "many"})


@pytest.mark.parametrize(
    ("host", "passthrough"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("10.0.0.5", False)],
)
def test_keys_pass_through_by_default_on_loopback_only(host: str, passthrough: bool) -> None:
    settings = load_settings(None, {"LUKHAS_HOST": host}).settings
    assert is_loopback(host) is passthrough
    assert settings.passthrough is passthrough


def test_passthrough_can_be_turned_off_on_loopback(tmp_path: Path) -> None:
    assert load_settings(written(tmp_path, "auth: {passthrough: false}"), {}).settings.passthrough is False


def test_a_flag_of_the_environment_that_nobody_understands_is_one_sentence() -> None:
    with pytest.raises(DocumentError, match="FLAG_BROWSER_TOOL: 'maybe' is neither on nor off"):
        load_settings(None, {"FLAG_BROWSER_TOOL": "maybe"})
