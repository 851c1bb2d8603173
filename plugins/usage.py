"""Says how many tokens an exchange took: what the upstream reports, else a count of its own that says so."""

import msgspec
from rs_bpe.bpe import openai

from gateway import Exchange, Startup, Usage, counted_events, hookimpl, input_text, output_text, reported_usage

BYTES_PER_TOKEN = 4
LONGEST_MEASURED = 1 << 20
"""In characters: of what is longer not even the bytes are counted."""


class UsageCount:
    """Reads the usage of replies, and counts where a reply has none: streams, and replies that were cut."""

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`count_up_to` bounds the bytes that are counted exactly; longer texts are estimated by their length."""

        count_up_to: int = 32_768

    def __init__(self, settings: Settings) -> None:
        self._count_up_to = settings.count_up_to
        self._vocabulary: openai.Tokenizer | None = None

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Loads the vocabulary (o200k_base) before the first exchange; it comes with its package."""
        self._vocabulary = openai.o200k_base()

    @hookimpl
    def account(self, exchange: Exchange) -> Usage | None:
        """Gives the reported usage, or counts texts that a model read and wrote."""
        reply = exchange.reply
        if reply is None or reply.status >= 400 or reply.body is None:
            return None
        reported = reported_usage(exchange)
        if reported is not None:
            return reported
        read, events = input_text(exchange), counted_events(exchange)
        if events is not None:
            # A model's stream has about one token in an event; reading all of it would hold up everybody else.
            return Usage(self._tokens(read), events, estimated=True)
        written = output_text(exchange)
        if not read and not written:
            return None
        return Usage(self._tokens(read), self._tokens(written), estimated=True)

    def _tokens(self, text: str) -> int:
        if len(text) > LONGEST_MEASURED:
            return -(-len(text) // BYTES_PER_TOKEN)
        data = text.encode("utf-8", "replace")
        if self._vocabulary is None or len(data) > self._count_up_to:
            return -(-len(data) // BYTES_PER_TOKEN)
        return int(self._vocabulary.count(data.decode()))
