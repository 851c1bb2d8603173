"""Keeps API keys out of what goes to the model, comes back from it, and is handed to tools."""

from typing import Literal

import msgspec

from gateway import Exchange, Hold, Nudge, Redact, Refusal, Release, Set, ToolCall, Window, hookimpl
from lukhas_no_secrets.keys import Keys
from lukhas_no_secrets.strings import strings_of

COMMON = ("sk-", "lk-", "ghp_", "github_pat_", "xoxb-", "xoxp-", "AKIA", "AIza")


class NoSecrets:
    """Refuses or masks a key in a prompt, masks one in a reply, and stops a tool call that carries one."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`prompts` says what becomes of a key in a request; `prefixes` and `least` say what a key looks like."""

        prompts: Literal["refuse", "mask"] = "refuse"
        prefixes: tuple[str, ...] = COMMON
        least: int = 16

    def __init__(self, settings: Settings) -> None:
        self._masks = settings.prompts == "mask"
        self._keys = Keys(settings.prefixes, settings.least)

    @hookimpl
    def judge(self, exchange: Exchange) -> Refusal | None:
        """Turns a request with a key away, unless keys are masked; the message says where, and not what."""
        if self._masks:
            return None
        for path, text in strings_of(exchange.request.json):
            if self._keys.stand_in(text):
                place = ".".join(map(str, path))
                return Refusal(
                    f"An API key stands in {place}. Take it out, and revoke it if it was sent before.",
                    code="secret_in_prompt",
                    status=400,
                    param=place,
                )
        return None

    @hookimpl
    def shape(self, exchange: Exchange) -> Nudge | None:
        """Masks the keys of a request."""
        changes = tuple(
            Set(path, self._keys.hidden(text))
            for path, text in strings_of(exchange.request.json)
            if self._keys.stand_in(text)
        )
        return Nudge(changes, because=f"{len(changes)} texts held API keys") if changes else None

    @hookimpl(needs="arguments")
    def allow_tool(self, exchange: Exchange, call: ToolCall) -> Refusal | None:
        """Stops a call that would hand a key to a tool."""
        if not self._keys.stand_in(call.arguments):
            return None
        return Refusal(f"The arguments of {call.name} hold an API key.", code="secret_in_call")

    @hookimpl
    def watch(self, exchange: Exchange, window: Window) -> Release | Hold | Redact:
        """Masks the keys of a reply; text that ends in what may become one waits for more."""
        if not window.last and self._keys.may_go_on(window.text, window.before):
            return Hold("it ends in what may be a key")
        text = self._keys.hidden(window.text, window.before)
        return Release() if text == window.text else Redact(text, because="an API key")
