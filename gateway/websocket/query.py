"""The model of a websocket stands in its query: reads it there, and puts a routed one in its place."""

from urllib.parse import quote, unquote_plus

_MODEL = "model"


def models_in(target: bytes) -> list[str]:
    """Gives every model that the query of a raw target names, decoded."""
    return [
        unquote_plus(value.decode("latin-1"))
        for name, _, value in (pair.partition(b"=") for pair in _pairs(target))
        if _is_model(name)
    ]


def with_model(target: bytes, model: str) -> bytes:
    """Gives the target with another model in its query; all else stays as it was written."""
    path, mark, _ = target.partition(b"?")
    named = b"model=" + quote(model, safe="").encode()
    pairs = [named if _is_model(pair.partition(b"=")[0]) else pair for pair in _pairs(target)]
    return path + mark + b"&".join(pairs)


def _pairs(target: bytes) -> list[bytes]:
    return target.partition(b"?")[2].split(b"&")


def _is_model(name: bytes) -> bool:
    return unquote_plus(name.decode("latin-1")) == _MODEL
