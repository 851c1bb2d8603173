"""A modulation policy as it is asked: maps read and checked, bounds in order, and a hash that names what it says."""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from policies.document import Lines, Place, fault, lines_in, read_document, read_file
from policies.expressions import CURRENT, Expression, ExpressionError, Kind, Vocabulary, X, parsed
from policies.expressions.ranges import Range
from policies.expressions.values import Computed
from policies.folder import read_policy
from policies.modulation.document import ModulationFile, Style
from policies.modulation.models import Models
from policies.modulation.parameters import DECIMALS, PARAMETER_NAMES, PARAMETERS, Parameter, tighter_of
from policies.modulation.signals import ALIGNMENT_RISK, SIGNALS

FILE = "modulation.yaml"
REVISION_LENGTH = 16
FIRST_SIGNAL = 2
"""Values are given to maps as x, current, and the signals in their order."""


class Map(msgspec.Struct, frozen=True):
    """What value of a parameter a level leads to; `reads_current` and `reads_risk` say what the expression looks at.

    `text` is the same for all spellings. `tightens` says that it surely goes the tighter way while its level rises, and
    looks at nothing else.
    """

    text: str
    value: Computed
    range: Range
    reads_current: bool
    reads_risk: bool
    tightens: bool


class Lane(msgspec.Struct, frozen=True):
    """One parameter with its bounds, its default, and the map of each signal in the order of precedence.

    `mapped_by` has the places of the signals that have a map; `risk_in_others` says that one of another signal looks
    at `alignment_risk`.
    """

    parameter: Parameter
    low: Any
    high: Any
    default: Any
    maps: tuple[Map | None, ...]
    mapped_by: frozenset[int]
    risk_in_others: bool

    def held(self, value: Any) -> Any:
        """Gives a value within the bounds, a whole one where the parameter is whole."""
        if self.parameter.kind is not Kind.NUMBER:
            return value
        value = round(value) if self.parameter.whole else round(value, DECIMALS)
        return self.low if value < self.low else self.high if value > self.high else value


class Policy:
    """One revision of the policy, read once. `source` names it in errors."""

    def __init__(self, file: ModulationFile, source: str, lanes: tuple[Lane, ...], revision: str) -> None:
        self.file = file
        self.source = source
        self.revision = revision
        self.lanes = lanes
        self.rules = tuple(getattr(file.signals, name) for name in SIGNALS)
        self.activations = tuple(rule.activation for rule in self.rules)
        self.weights = tuple(rule.weight for rule in self.rules)
        self.default_mode: str = file.bounds.safety_mode.default
        self.models = Models(file.models)

    def style(self, mode: str) -> Style:
        """Gives the style of a safety mode."""
        style: Style = getattr(self.file.styles, mode)
        return style

    def lane(self, name: str) -> Lane:
        """Gives the lane of a parameter."""
        return self.lanes[PARAMETER_NAMES.index(name)]


def load_modulation(folder: Path | None) -> Policy:
    """Gives the policy of the operator's folder, else the shipped one. Errors: DocumentError."""
    source, file = read_policy(FILE, ModulationFile, folder)
    return policy_of(file, source, _lines(source))


def read_modulation(path: Path) -> Policy:
    """Gives the policy in a file. Errors: DocumentError."""
    return policy_of(read_file(path, ModulationFile), str(path), lines_in(path))


def parsed_modulation(text: str, source: str = FILE) -> Policy:
    """Gives the policy in a text. Errors: DocumentError."""
    return policy_of(read_document(text, ModulationFile, source), source, {})


def policy_of(file: ModulationFile, source: str, lines: Lines) -> Policy:
    """Gives the policy that a document describes; `lines` are those of its keys. Errors: DocumentError."""
    first = next(faults_of(file), None)
    if first is not None:
        raise fault(source, lines, *first)
    lanes = tuple(_lane(file, parameter, source, lines) for parameter in PARAMETERS)
    return Policy(file, source, lanes, revision_of(file, lanes))


def faults_of(file: ModulationFile) -> Iterator[tuple[Place, str]]:
    """Gives the place of each thing that is of the right type and still wrong, and what is wrong there."""
    for parameter in PARAMETERS:
        if parameter.kind is Kind.NUMBER:
            yield from _faults_of_bounds(file, parameter)
    tools = file.bounds.tool_allowlist
    for number, name in enumerate(tools.default):
        if name not in tools.names:
            what = f"{name!r} is not among the names; known: {', '.join(tools.names)}."
            yield ("bounds", "tool_allowlist", "default", number), what
    for signal, maps in file.maps.items():
        if signal not in SIGNALS:
            yield ("maps", signal), f"unknown signal; known: {', '.join(SIGNALS)}."
        for name, written in maps.items():
            if name not in PARAMETER_NAMES:
                yield ("maps", signal, name), f"unknown parameter; known: {', '.join(PARAMETER_NAMES)}."
            elif isinstance(written, bool) or not isinstance(written, str | int | float):
                yield ("maps", signal, name), "an expression is needed: text, or a number."
    if file.stabilize.below > file.stabilize.above:
        yield ("stabilize", "below"), f"above {file.stabilize.above:g}, where it begins; it could never hold."


def _faults_of_bounds(file: ModulationFile, parameter: Parameter) -> Iterator[tuple[Place, str]]:
    bounds = getattr(file.bounds, parameter.name)
    place = ("bounds", parameter.name)
    for key in ("low", "high"):
        value = getattr(bounds, key)
        if not parameter.lowest <= value <= parameter.highest:
            yield (*place, key), f"{value:g} is not between {parameter.lowest:g} and {parameter.highest:g}."
    if bounds.low > bounds.high:
        yield (*place, "low"), f"{bounds.low:g} is above high, {bounds.high:g}."
    if not bounds.low <= bounds.default <= bounds.high:
        yield (*place, "default"), f"{bounds.default:g} is not between {bounds.low:g} and {bounds.high:g}."
    for key in ("low", "high", "default"):
        if parameter.whole and getattr(bounds, key) % 1:
            yield (*place, key), f"{getattr(bounds, key):g} is not a whole number."


def revision_of(file: ModulationFile, lanes: tuple[Lane, ...]) -> str:
    """Gives the hash that names what a policy says: the same for all spellings, another for any other meaning."""
    said = msgspec.to_builtins(file)
    said["maps"] = {
        signal: {lane.parameter.name: found.text for lane in lanes if (found := lane.maps[number]) is not None}
        for number, signal in enumerate(SIGNALS)
    }
    said["bounds"]["tool_allowlist"] = {
        key: sorted(set(names)) for key, names in said["bounds"]["tool_allowlist"].items()
    }
    return sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:REVISION_LENGTH]


def _lane(file: ModulationFile, parameter: Parameter, source: str, lines: Lines) -> Lane:
    bounds: Any = getattr(file.bounds, parameter.name)
    low = high = None
    default: Any = bounds.default
    words: tuple[str, ...] = parameter.words
    if parameter.kind is Kind.NAMES:
        words, default = bounds.names, frozenset(bounds.default)
    elif parameter.kind is Kind.NUMBER:
        low, high, default = (_exact(parameter, each) for each in (bounds.low, bounds.high, default))
    maps = tuple(_map(file, signal, parameter, words, source, lines) for signal in SIGNALS)
    mapped_by = frozenset(number for number, each in enumerate(maps) if each is not None)
    return Lane(
        parameter, low, high, default, maps, mapped_by, any(each is not None and each.reads_risk for each in maps[1:])
    )


def _exact(parameter: Parameter, number: float) -> float:
    return int(number) if parameter.whole else round(number, DECIMALS)


def _map(
    file: ModulationFile, signal: str, parameter: Parameter, words: tuple[str, ...], source: str, lines: Lines
) -> Map | None:
    written = file.maps.get(signal, {}).get(parameter.name)
    if written is None:
        return None
    try:
        expression = parsed(written if isinstance(written, str) else f"{written!r}", vocabulary_of(parameter, words))
    except ExpressionError as error:
        what = f"{error.what.rstrip('.')}."
        raise fault(source, lines, ("maps", signal, parameter.name), f"column {error.column}: {what}") from None
    reads = expression.reads
    tightens = expression.monotone and reads == {X} and _tightens(parameter, expression)
    return Map(
        expression.canonical, expression.value, expression.range, CURRENT in reads, ALIGNMENT_RISK in reads, tightens
    )


def _tightens(parameter: Parameter, expression: Expression) -> bool:
    least, most = (expression.value((x, None, *(0.0 for _ in SIGNALS))) for x in (0.0, 1.0))
    return bool(parameter.tightens and tighter_of(parameter, least, most) == most)


def vocabulary_of(parameter: Parameter, words: tuple[str, ...] | None = None) -> Vocabulary:
    """Gives what an expression for a parameter may speak of."""
    variables: Mapping[str, tuple[int, Kind]] = {
        X: (0, Kind.NUMBER),
        CURRENT: (1, parameter.kind),
        **{name: (FIRST_SIGNAL + number, Kind.NUMBER) for number, name in enumerate(SIGNALS)},
    }
    return Vocabulary(parameter.kind, variables, parameter.words if words is None else words)


def _lines(source: str) -> Lines:
    path = Path(source)
    return lines_in(path) if path.is_file() else {}
