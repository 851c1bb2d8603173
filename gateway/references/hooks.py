"""The page of the hooks: what each is asked, what it may answer, and what stands for the answer of one that broke."""

import inspect

from gateway.hooks import ASYNC_BUDGET_NS, DEF_BUDGET_NS
from gateway.hookspecs import EXCHANGE_HOOKS, LIFECYCLE_HOOKS, Hook, Hooks, hookimpl
from gateway.references.tables import code, table

TITLE = "Hooks"


def page() -> list[str]:
    """Gives the lines."""
    lines = [
        "In the order in which an exchange meets them. *Security* hooks fail closed, and an endpoint may not skip them",
        "unnoticed. How to write a plugin stands in [Writing a plugin](../writing_a_plugin.md).",
        "",
        *table(("hook", "answers", "of several", "one that breaks", "security"), map(_row, EXCHANGE_HOOKS)),
        "",
        f"A `def` has {DEF_BUDGET_NS / 1e6:g} ms, anything else {ASYNC_BUDGET_NS / 1e6:g} ms, or what its plugin's",
        "setting `budget_ms` says.",
        "",
    ]
    for hook in EXCHANGE_HOOKS:
        lines += _described(hook.name)
    lines += ["## The plugin's life", ""]
    for name in LIFECYCLE_HOOKS:
        lines += _described(name, "###")
    return [*lines, "## The mark", "", f"`{_signature(hookimpl)}`", "", inspect.getdoc(hookimpl) or ""]


def _row(hook: Hook) -> tuple[str, ...]:
    answers = ", ".join(code(each.__name__) for each in hook.answers) or "nothing"
    return (
        f"[{hook.name}](#{hook.name})",
        answers,
        hook.combined.value,
        hook.broken.value,
        "yes" if hook.security else "",
    )


def _described(name: str, level: str = "##") -> list[str]:
    specification = getattr(Hooks, name)
    return [f"{level} {name}", "", f"`{name}{_signature(specification)}`", "", inspect.getdoc(specification) or "", ""]


def _signature(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    kept = [each for each in signature.parameters.values() if each.name != "self"]
    text = inspect.formatannotation
    arguments = ", ".join(
        f"{each.name}: {text(each.annotation)}"
        + ("" if each.default is inspect.Parameter.empty else f" = {each.default!r}")
        for each in kept
    )
    return _short(f"({arguments}) -> {text(signature.return_annotation)}")


def _short(text: str) -> str:
    for prefix in (
        "gateway.answers.",
        "gateway.exchange.",
        "gateway.hookspecs.",
        "gateway.settings.",
        "click.core.",
        "identity.caller.",
        "typing.",
    ):
        text = text.replace(prefix, "")
    return text
