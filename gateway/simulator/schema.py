"""Makes the smallest value that satisfies a JSON schema, always the same one."""

import math
from typing import Any

from gateway.simulator.asgi import JSON

STRINGS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "duration": "PT0S",
    "email": "simulated@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
FILLER = "simulated"


def smallest_instance(schema: Any) -> Any:
    """A value of the schema; patterns are not followed."""
    return _instance(schema, schema, frozenset())


def _instance(schema: Any, root: Any, entered: frozenset[str]) -> Any:
    if not isinstance(schema, dict):
        return None
    if "$ref" in schema:
        name = str(schema["$ref"])
        # A reference inside itself has no smallest value: only a wrong schema gets here.
        return None if name in entered else _instance(_resolve(name, root), root, entered | {name})
    if "const" in schema:
        return schema["const"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    for word in ("anyOf", "oneOf"):
        if isinstance(schema.get(word), list) and schema[word]:
            return _instance(_choose(schema[word], entered), root, entered)
    if isinstance(schema.get("allOf"), list) and schema["allOf"]:
        return _merged([_instance(part, root, entered) for part in schema["allOf"]])
    return _typed(schema, root, entered)


def _resolve(name: str, root: Any) -> Any:
    found = root
    for step in name.removeprefix("#").strip("/").split("/"):
        if step:
            found = found.get(step.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found


def _choose(options: list[Any], entered: frozenset[str]) -> Any:
    for option in options:
        if not (isinstance(option, dict) and option.get("$ref") in entered):
            return option
    return options[0]


def _merged(parts: list[Any]) -> Any:
    if not all(isinstance(part, dict) for part in parts):
        return parts[0]
    return {name: value for part in parts for name, value in part.items()}


def _typed(schema: JSON, root: Any, entered: frozenset[str]) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        return {str(name): _instance(properties.get(name), root, entered) for name in names}
    if kind == "array":
        return [_instance(schema.get("items"), root, entered) for _ in range(_count(schema.get("minItems")))]
    if kind == "string":
        text = STRINGS.get(str(schema.get("format")), FILLER)
        return text.ljust(_count(schema.get("minLength")), ".")
    if kind in ("integer", "number"):
        return _number(schema, kind)
    return False if kind == "boolean" else None


def _count(value: Any) -> int:
    return min(value, 100) if isinstance(value, int) else 0


def _number(schema: JSON, kind: str) -> float:
    step = schema.get("multipleOf")
    step = step if isinstance(step, int | float) and step > 0 else 1
    number: float = 0
    least, above, most = schema.get("minimum"), schema.get("exclusiveMinimum"), schema.get("maximum")
    if isinstance(least, int | float) and least > 0:
        number = -(-least // step) * step
    if isinstance(above, int | float) and above >= number:
        number = (above // step + 1) * step
    if isinstance(most, int | float) and most < number:
        number = most // step * step
    if not math.isfinite(number):
        return 0
    return int(number) if kind == "integer" else number
