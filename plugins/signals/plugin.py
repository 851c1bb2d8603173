"""The plugin `signals`: reads six levels off each request, and says in words why."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from gateway import Caller, Exchange, Refusal, Signals, Standing, Startup, hookimpl, turns
from plugins.signals.alignment_risk import alignment_risk
from plugins.signals.ambiguity import ambiguity
from plugins.signals.conduct import UNKNOWN, Conduct, blocked_calls, was_refused
from plugins.signals.cues import Cues, Seen, more_than_faint, weighed
from plugins.signals.found import Found
from plugins.signals.headers import DEADLINE, LEVELS, HeaderError, Name, deadline_of, levels_of
from plugins.signals.intents import INTENT, intents_of
from plugins.signals.load import Load, outcome_of
from plugins.signals.novelty import SLOTS, Sketch, novelty, remember, shingles_of
from plugins.signals.own_words import own_words
from plugins.signals.patterns import shipped_cues
from plugins.signals.principals import ByPrincipal
from plugins.signals.said import Said, said
from plugins.signals.stress import stress
from plugins.signals.tokens import tokens_of
from plugins.signals.trust import trust
from plugins.signals.urgency import urgency
from plugins.signals.wording import Wording, read_learned
from plugins.signals.words import read_words

NOVELTY_PERMISSION = "signals:novelty"
_LEAST = 0.001
_TOLD = {"alignment_risk": 0.025}
_TOLD_ELSE = 0.1
"""A level below is too small to change anything, and stands in the record without its reason."""
_READ_BY_CUES = ("alignment_risk", "stress", "ambiguity", "urgency")
_NOTHING_SAID: Mapping[str, float] = MappingProxyType({})
_NOTHING_MEANT: Mapping[str, Found] = MappingProxyType({})
_HEADERS = frozenset((LEVELS, DEADLINE, INTENT))
_SAYS_NOTHING = (_NOTHING_SAID, None, _NOTHING_MEANT)
_MOST_UNFINISHED = 1024
"""Exchanges between `observe` and `record` whose words are remembered; of others they are read again."""
_OWN_WORDS = 4096
"""In characters: of a longer turn, most of it is not the user's own words but what they brought along."""


_WORTH_A_LOOK = (("stress", 0.25), ("urgency", 0.45))
"""What cues must weigh to act together with the wording and, of stress, with capitals that shout."""


class SixSignals:
    """Answers `observe` with alignment_risk, stress, ambiguity, urgency, novelty and trust.

    Its state is the process's own: counts and sketches of principals, and how the upstream does. It changes after the
    end of an exchange alone, so that `observe` gives the same answer to the same question.
    """

    class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
        """`off` names extractors that are not asked; times in milliseconds.

        `read_characters` bounds what is read of a request, `principals` of how many something is remembered. An answer
        is slow after `slow_ms`, an exchange waited when the gateway took `waiting_ms` before it was sent.
        """

        off: tuple[Name, ...] = ()
        read_characters: int = 32_768
        principals: int = 2000
        slow_ms: float = 20_000.0
        waiting_ms: float = 250.0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._mode = "shadow"
        self._standing: Callable[[str], Standing] | None = None
        self._slow_ns, self._waiting_ns = int(settings.slow_ms * 1e6), int(settings.waiting_ms * 1e6)
        self._cues = shipped_cues(*_READ_BY_CUES)
        self._words = read_words()
        self._wording = Wording(read_learned())
        self._load = Load()
        self._conducts: ByPrincipal[Conduct] = ByPrincipal(settings.principals)
        self._sketches: ByPrincipal[Sketch] = ByPrincipal(settings.principals)
        self._shingles: dict[str, Sequence[int]] = {}

    @hookimpl
    def startup(self, startup: Startup) -> None:
        """Takes the mode for callers that have none of their own, and how callers stand."""
        self._mode, self._standing = startup.settings.mode, startup.standing

    @hookimpl
    def admit(self, exchange: Exchange) -> Refusal | None:
        """Turns away headers that cannot be read: a level that is misread would be taken for one."""
        try:
            _from_client(exchange)
        except HeaderError as error:
            return Refusal(str(error), code="invalid_signals", status=400, param=error.header)
        return None

    @hookimpl
    def observe(self, exchange: Exchange) -> Signals | None:
        """Asks the extractors, and lets the client's own levels raise what they found."""
        caller = exchange.caller
        if caller is None or self._is_off(caller):
            return None
        try:
            said_levels, deadline, meant = _from_client(exchange)
        except HeaderError:
            # Who sends them is turned away; whoever looks at such a request all the same asks about the rest of it.
            said_levels, deadline, meant = _SAYS_NOTHING
        found = self._found(exchange, caller, deadline)
        if self._settings.off:
            found = {name: each for name, each in found.items() if name not in self._settings.off}
        levels = {name: round(each.level, 3) for name, each in found.items() if each.level >= _LEAST}
        because = {name: found[name].because for name, level in levels.items() if level >= _TOLD.get(name, _TOLD_ELSE)}
        for name, level in said_levels.items():
            if name == "novelty" and not caller.may(NOVELTY_PERMISSION):
                because[name] = f"the client's level does not count: its key lacks the permission {NOVELTY_PERMISSION}"
            elif level > levels.get(name, 0.0):
                levels[name] = level
                because[name] = f"the client says so; {because[name]}" if name in because else "the client says so"
        for name, each in meant.items():
            if each.level > levels.get(name, 0.0):
                levels[name], because[name] = each.level, each.because
        return Signals(levels, because) if levels or because else None

    @hookimpl
    def record(self, exchange: Exchange) -> None:
        """Takes in how the exchange went."""
        caller = exchange.caller
        if caller is None or self._is_off(caller):
            return
        now = exchange.clock
        outcome = outcome_of(exchange, self._slow_ns, self._waiting_ns)
        if outcome is not None:
            self._load = self._load.after(*outcome, now)
        blocked = blocked_calls(exchange)
        conduct = self._conduct(caller.principal, blocked)
        self._conducts.keep(caller.principal, conduct.after(was_refused(exchange), blocked, now))
        if "novelty" not in self._settings.off:
            shingles = self._shingles.pop(exchange.id, None)
            if shingles is None:
                shingles = self._shingles_of(tokens_of(self._said(exchange).last))
            if shingles:
                sketch = self._sketches.of(caller.principal) or Sketch(bytearray(SLOTS))
                remember(shingles, sketch)
                self._sketches.keep(caller.principal, sketch)

    def _is_off(self, caller: Caller) -> bool:
        return (caller.mode or self._mode) == "off"

    def _conduct(self, principal: str, blocked: int = 0) -> Conduct:
        """Gives how a principal has conducted itself; only where calls were blocked is it asked what was forgiven."""
        conduct = self._conducts.of(principal) or UNKNOWN
        if self._standing is None or not (blocked or conduct.blocked):
            return conduct
        return conduct.since(self._standing(principal).forgiven)

    def _said(self, exchange: Exchange) -> Said:
        return said(turns(exchange), self._settings.read_characters)

    def _found(self, exchange: Exchange, caller: Caller, deadline: float | None) -> Mapping[str, Found]:
        text = self._said(exchange)
        conduct = self._conduct(caller.principal)
        now = exchange.clock
        own = text.last if len(text.last) <= _OWN_WORDS else _ends(text.last)
        seen = self._cues.seen(own)
        feels = self._seen_in_own_words(own, seen) if "stress" in seen or "urgency" in seen else seen
        tokens = tokens_of(own)
        wording = self._wording.levels(tokens)
        risks = {
            "in the last turn": more_than_faint(_of(seen, "alignment_risk"), len(own))
            if own is text.last
            else self._risky(text.last)
        }
        if text.tools:
            risks["in what a tool gave"] = self._risky(text.tools)
        if text.earlier:
            risks["in an earlier turn"] = self._risky(text.earlier)
        risks = {place: cues for place, cues in risks.items() if cues}
        shingles = self._shingles_of(tokens)
        if len(self._shingles) >= _MOST_UNFINISHED:
            self._shingles.clear()
        if own is text.last:
            self._shingles[exchange.id] = shingles
        json = exchange.request.json
        tier_of_service = json.get("service_tier") if json.__class__ is dict else None
        return {
            "alignment_risk": alignment_risk(risks, wording["alignment_risk"], blocked_calls(exchange), conduct, now),
            "stress": stress(own, _of(feels, "stress"), wording["stress"], self._load, now),
            "ambiguity": ambiguity(own, text.in_context, _of(seen, "ambiguity"), wording["ambiguity"], self._words),
            "urgency": urgency(_of(feels, "urgency"), wording["urgency"], deadline, tier_of_service),
            "novelty": novelty(shingles, self._sketches.of(caller.principal)),
            "trust": trust(caller.tier, None, conduct),
        }

    def _seen_in_own_words(self, text: str, seen: Seen) -> Seen:
        """Gives the cues of moods that the writer says; what is too little to act is not looked at again."""
        for name, least in _WORTH_A_LOOK:
            if name in seen and weighed(seen[name]) >= least:
                own = own_words(text)
                return seen if own == text else self._cues.seen(own)
        return seen

    def _shingles_of(self, tokens: Sequence[bytes]) -> Sequence[int]:
        return shingles_of(tokens, self._words.nameless_tokens)

    def _risky(self, text: str) -> Cues:
        cues = self._cues.seen(text, "alignment_risk").get("alignment_risk", ())
        return more_than_faint(cues, len(text))


def _of(seen: Seen, name: str) -> Cues:
    return seen.get(name, ())


def _ends(text: str) -> str:
    return f"{text[: _OWN_WORDS // 2]}\n{text[-(_OWN_WORDS // 2) :]}"


def _from_client(exchange: Exchange) -> tuple[Mapping[str, float], float | None, Mapping[str, Found]]:
    """Gives the levels that the client sent, its deadline in seconds, and what its user means. Errors: HeaderError."""
    levels, deadline, intents = None, None, None
    received = exchange.received
    if _HEADERS.isdisjoint(received.first):
        return _SAYS_NOTHING
    for name, value in received.headers:
        if len(name) == len(LEVELS) and name.lower() == LEVELS:
            levels = value if levels is None else levels + b"," + value
        elif len(name) == len(DEADLINE) and name.lower() == DEADLINE:
            deadline = value
        elif len(name) == len(INTENT) and name.lower() == INTENT:
            intents = value if intents is None else intents + b"," + value
    return (
        levels_of(levels) if levels is not None else _NOTHING_SAID,
        deadline_of(deadline) if deadline is not None else None,
        intents_of(intents) if intents is not None else _NOTHING_MEANT,
    )
