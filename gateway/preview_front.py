"""Adds to a question for a preview what the plugins of this worker find in its request.

The office answers it, and does not know what workers remember of earlier exchanges: how new a text is to its caller,
which calls were blocked, how the upstream does. `observe` changes nothing, so it can be asked about a request that is
none.
"""

from collections.abc import AsyncGenerator, Sequence
from time import monotonic_ns, time_ns

import msgspec

from gateway.answers import Signals
from gateway.audit_id import new_audit_id
from gateway.client import Client
from gateway.client_behind import ClientBehind
from gateway.decide import identified
from gateway.exchange import Exchange
from gateway.front import Elsewhere
from gateway.hooks import all_answers
from gateway.json_body import BodyError
from gateway.live_policies import LivePolicies
from gateway.loader import Chain
from gateway.pipeline import Pipeline
from gateway.preview import Found, Question, taken_in
from gateway.preview_question import PATH, PERMISSION, QuestionError, asked_in, caller_in, endpoint_in, headers_in
from gateway.settings import Settings

_PATH = PATH.encode()


class PreviewFront:
    """Hands requests on to `elsewhere`, questions for a preview with what is found here."""

    def __init__(
        self, pipeline: Pipeline, chain: Chain, settings: Settings, policies: LivePolicies, elsewhere: Elsewhere
    ) -> None:
        self._pipeline = pipeline
        self._chain = chain
        self._settings = settings
        self._policies = policies
        self._elsewhere = elsewhere

    async def __call__(self, client: Client) -> None:
        """Hands one request on."""
        received = client.received
        asks = received.method == b"POST" and client.has_body and received.target.partition(b"?")[0] == _PATH
        await self._elsewhere(_Asking(client, self) if asks and await self._may_ask(client) else client)

    async def told(self, body: bytes) -> bytes:
        """Gives the question with what is found; as it is where it has no answer, which the office says.

        What stands there as found already is the sender's word and does not count: the last member does.
        """
        try:
            found = await self._found(body)
        except (QuestionError, BodyError):
            return body
        return b'%b,"observed":%b}' % (body.rstrip()[:-1], msgspec.json.encode(found))

    async def _may_ask(self, client: Client) -> bool:
        received = msgspec.structs.replace(client.received, model_api=False)
        exchange = Exchange(new_audit_id(), time_ns(), monotonic_ns(), received, None)
        if await identified(self._pipeline.identify, exchange) is not None or exchange.caller is None:
            return False
        return exchange.caller.may(PERMISSION)

    async def _found(self, body: bytes) -> Sequence[Found] | None:
        """Gives what each plugin finds, or what stands for it where one breaks; None of a caller who is to be new."""
        asked = asked_in(body)
        if asked.state != "held":
            return None
        caller, _ = await caller_in(asked, self._chain, self._settings, self._policies.tiers)
        endpoint, headers = endpoint_in(asked, self._pipeline.endpoints), headers_in(asked)
        exchange = taken_in(Question(endpoint, bytes(asked.request), caller, headers))
        # What plugins remember is on the worker's own clock.
        exchange.clock = monotonic_ns()
        answers = {each.plugin: answer for each, answer in await all_answers(self._pipeline.observe, exchange)}
        return [_as_found(each.plugin, answers.get(each.plugin)) for each in self._pipeline.observe]


class _Asking(ClientBehind):
    """The client of a question, which goes on with what is found; it is longer then than it was."""

    def __init__(self, client: Client, front: PreviewFront) -> None:
        super().__init__(client)
        self._front = front
        headers = tuple(pair for pair in client.received.headers if pair[0].lower() != b"content-length")
        self.received = msgspec.structs.replace(client.received, headers=headers)
        self.length = None

    async def body(self, limit: int) -> bytes:
        """Gives the question with what is found."""
        return await self._front.told(await super().body(limit))

    async def chunks(self, limit: int) -> AsyncGenerator[bytes, None]:
        """Gives the question with what is found."""
        yield await self.body(limit)


def _as_found(plugin: str, answer: Signals | None) -> Found:
    return Found(plugin) if answer is None else Found(plugin, answer.levels, answer.because, answer.applied)
