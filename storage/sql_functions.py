"""Says which functions a stranger may call in SQL, as DuckDB's parser shows the call."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

# They read what is not in the views, change something, wait, or are the engine's own tools.
_NOT_FOR_STRANGERS = re.compile(
    r"current_setting|getenv|getvariable|current_query.*|current_connection_id|current_transaction_id|txid_current|"
    r"write_log|nextval|currval|setval|setseed|sleep.*|pg_.*|duckdb_.*|json_(de)?serialize_.*|stats|vector_type|"
    r"parse_duckdb_log_message|get_block_size|format_type|index_key|combine.*|finalize|to_aggregate_state|invoke|"
    r"remap_struct|create_sort_key|variant_bytes_to_variant|st_.*|__internal.*|in_search_path|has_.*_privilege|"
    r"(col|obj|shobj)_description"
)
# One call of them can ask for more memory than there is, before any limit is looked at.
_SWELLING = frozenset(
    (
        "bitstring",
        "format",
        "generate_series",
        "list_resize",
        "array_resize",
        "printf",
        "range",
        "reservoir_quantile",
    )
)
# The argument that says how much; where it is a small number that is written out, they are let through.
_SWELLING_BY: Mapping[str, int] = {"repeat": 1, "lpad": 1, "rpad": 1}
_SMALL = 1000
_MOST_TIMES = 100_000
# One call of them takes a time that is the product of the lengths, and hears no interrupt before its end.
_SLOW = re.compile(r"(damerau_)?levenshtein|editdist3|jaro_.*")
# They call the aggregate that their second argument names.
_CALLS_BY_NAME = re.compile(r"(list_|array_)?aggr(egate)?")


def fault_of_call(branch: dict[str, Any]) -> str | None:
    """Says why a call is not for strangers; None where it is."""
    name = str(branch.get("function_name")).lower()
    if is_qualified(branch):
        return f"The function {name}() is not allowed here."
    if name in _SWELLING_BY and not _is_small(branch, _SWELLING_BY[name]):
        return f"The function {name}() takes as its number one that is written out, such as 10, of at most {_SMALL}."
    if _CALLS_BY_NAME.fullmatch(name):
        called = _literal(branch, 1, "STRING")
        if called is None:
            return f"The function {name}() takes the name of an aggregate that is written out, such as 'sum'."
        return _fault_of_name(called.lower())
    return _fault_of_name(name)


def fault_of_growth(branches: Iterable[dict[str, Any]]) -> str | None:
    """Says whether all repeat() together make a text too long: one may stand in another, and then they multiply."""
    times = 1
    for branch in branches:
        if str(branch.get("function_name")).lower() == "repeat":
            times *= max(1, _whole_number(branch, _SWELLING_BY["repeat"]) or 1)
    if times > _MOST_TIMES:
        return f"All repeat() of a statement together may make a text {_MOST_TIMES} times as long."
    return None


def is_qualified(branch: dict[str, Any]) -> bool:
    """Says whether a name stands there with its schema or catalog."""
    path = branch.get("qualified_name", {}).get("path", ())
    places = ("schema", "catalog", "schema_name", "catalog_name")
    return len(path) > 1 or any(branch.get(place) for place in places)


def _fault_of_name(name: str) -> str | None:
    if _NOT_FOR_STRANGERS.fullmatch(name):
        return f"The function {name}() is not allowed here."
    if name in _SWELLING:
        return f"The function {name}() is not allowed here: one call of it can ask for any amount of memory."
    if _SLOW.fullmatch(name):
        return f"The function {name}() is not allowed here: one call of it can take any amount of time."
    return None


def _is_small(branch: dict[str, Any], argument: int) -> bool:
    number = _whole_number(branch, argument)
    return number is not None and 0 <= number <= _SMALL


def _whole_number(branch: dict[str, Any], argument: int) -> int | None:
    text = _literal(branch, argument, "INTEGER")
    return int(text) if text is not None and text.isdecimal() else None


def _literal(branch: dict[str, Any], argument: int, kind: str) -> str | None:
    """Gives the literal that stands there as an argument, None where something else does."""
    try:
        literal = branch["arguments"][argument]["expression"]["literal"]
        return str(literal["text"]) if literal["kind"] == kind else None
    except (KeyError, IndexError, TypeError):
        return None
