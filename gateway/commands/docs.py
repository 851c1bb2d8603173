"""`lukhas docs`: writes the references from the code, or says which ones are out of date."""

from pathlib import Path

import click

from gateway.commands.failing import Failed
from gateway.commands.options import common
from gateway.references import cli, errors, hooks, metrics, settings

FOLDER = Path("docs/reference")


@click.command("docs")
@common
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit code 1 where a page is out of date.")
@click.option("--folder", type=click.Path(path_type=Path), default=FOLDER, show_default=True, help="Where they go.")
@click.pass_context
def command(context: click.Context, config: str | None, data: str | None, only_check: bool, folder: Path) -> None:
    """Writes the generated references.

    They are about hooks, settings, command line, metrics and errors.

    \b
    Examples:
      lukhas docs
      lukhas docs --check
    """
    root = context.find_root().command
    if not isinstance(root, click.Group):
        raise Failed("This command is part of `lukhas`.")
    old = []
    for name, text in pages(root).items():
        path = folder / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        old.append(str(path))
        if not only_check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            click.echo(f"wrote {path}")
    if only_check and old:
        raise Failed(f"Out of date: {', '.join(old)}. Run `lukhas docs`.")


def pages(root: click.Group) -> dict[str, str]:
    """Gives each page by its file name; `root` is the `lukhas` command."""
    texts = {
        "hooks.md": (hooks.TITLE, hooks.page()),
        "settings.md": (settings.TITLE, settings.page()),
        "cli.md": (cli.TITLE, cli.page(root)),
        "metrics.md": (metrics.TITLE, metrics.page()),
        "errors.md": (errors.TITLE, errors.page()),
    }
    return {name: _page(title, lines) for name, (title, lines) in texts.items()}


def _page(title: str, lines: list[str]) -> str:
    note = "<!-- Made from the code by `lukhas docs`; change the code. -->"
    return "\n".join([f"# {title}", "", note, "", *lines]).rstrip() + "\n"
