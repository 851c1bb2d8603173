"""The command line as a whole: help with an example everywhere, exit codes, and no traceback."""

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.commands import NAMES, lukhas
from tests.builders.commands import lukhas_here
from tests.builders.served import lukhas as run


@pytest.mark.parametrize("name", NAMES)
def test_help_has_an_example(name: str) -> None:
    done = CliRunner().invoke(lukhas, [name, "--help"])
    assert done.exit_code == 0
    assert re.search(rf"Examples?:\n.*lukhas {name}", done.output), done.output


@pytest.mark.parametrize("name", NAMES)
def test_the_list_of_commands_says_what_the_help_of_each_begins_with(name: str) -> None:
    with click.Context(lukhas) as context:
        command = lukhas.get_command(context, name)
    assert command is not None
    begins = " ".join((command.help or "").split())
    assert begins.startswith(NAMES[name])
    assert NAMES[name].endswith(".")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_the_settings_file_and_the_data_folder(name: str) -> None:
    with click.Context(lukhas) as context:
        command = lukhas.get_command(context, name)
    assert command is not None
    for each in command.commands.values() if isinstance(command, click.Group) else [command]:
        options = {option for parameter in each.params for option in parameter.opts}
        assert {"--config", "--data"} <= options


def test_a_command_that_nobody_knows_is_wrong_use(tmp_path: Path) -> None:
    done = run("serf", cwd=tmp_path)
    assert done.returncode == 2
    assert "No such command 'serf'" in done.stderr


def test_an_option_out_of_range_is_wrong_use(tmp_path: Path) -> None:
    assert run("serve", "--port", "65536", cwd=tmp_path).returncode == 2


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("server: {prot: 1}\n", "lukhas.yaml, line 1, server.prot: unknown key; known: host, port"),
        ("server:\n  port: many\n", "lukhas.yaml, line 2, server.port: expected a whole number, got text."),
        ("chain: [nobody]\n", "The chain names the plugin 'nobody', which is not installed; installed: "),
        ("chain: [absent.py]\n", "absent.py, which is not there."),
        ("plugins: {nobody: {}}\n", "lukhas.yaml, line 1, plugins.nobody: no plugin of this name is in the chain"),
        ("server: {\n", "lukhas.yaml, line 2: not YAML"),
        ("policies: {folder: wrong}\n", "wrong/tiers.yaml, line 1, orders: unknown key; known: order"),
        ("admin: {listen: here}\n", "admin.listen: 'here' is not of the form host:port"),
        ("upstream: {url: openai.com}\n", "upstream.url: 'openai.com' is not an http or https address"),
    ],
)
def test_a_fault_in_the_settings_is_one_sentence_that_check_and_serve_agree_on(
    tmp_path: Path, settings: str, says: str
) -> None:
    (tmp_path / "lukhas.yaml").write_text(settings)
    (tmp_path / "wrong").mkdir()
    (tmp_path / "wrong" / "tiers.yaml").write_text("orders: [T1]\n")
    done = lukhas_here("check", cwd=tmp_path)
    served = run("serve", "--port", "0", cwd=tmp_path)
    assert says in done.stderr
    assert (done.returncode, served.returncode) == (1, 1)
    assert done.stderr.count("\n") == served.stderr.count("\n") == 1
    assert served.stderr == done.stderr


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = lukhas_here("check", "--config", "nowhere.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "nowhere.yaml: cannot be read: No such file or directory.\n")


def test_a_plugin_brings_a_command(tmp_path: Path) -> None:
    (tmp_path / "greeting.py").write_text(
        "import click\n\nfrom gateway import hookimpl\n\n\n"
        "@click.command('greet')\ndef greet() -> None:\n    'Greets.'\n    click.echo('Good morning.')\n\n\n"
        "class Greeting:\n    @hookimpl\n    def register_commands(self):\n        return [greet]\n"
    )
    (tmp_path / "lukhas.yaml").write_text("chain: [default, greeting.py]\n")
    assert run("greet", cwd=tmp_path).stdout == "Good morning.\n"
    assert "greet     Greets." in lukhas_here("--help", cwd=tmp_path).stdout


def test_a_faulty_settings_file_does_not_keep_anybody_from_the_help(tmp_path: Path) -> None:
    (tmp_path / "lukhas.yaml").write_text("server: {prot: 1}\n")
    done = run("--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
