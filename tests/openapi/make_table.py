"""Makes `gateway/endpoints.json` from the OpenAI document: `python -m tests.openapi.make_table openapi.yaml`."""

import hashlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from gateway.endpoints import Content, Document, Endpoint

TABLE = Path(__file__).parents[2] / "gateway" / "endpoints.json"
METHODS = ("get", "post", "put", "patch", "delete", "head", "options")

# These answer with events when they are asked to; the document declares their JSON answer alone.
STREAMING_TOO = {
    "createCompletion",
    "createThreadAndRun",
    "createRun",
    "submitToolOuputsToRun",
    "getResponse",
}

# What the document says wrongly or not at all: a file's own bytes, and the transcript formats text, srt and vtt.
REPLIES_TOO: Mapping[str, tuple[Content, ...]] = {
    "downloadFile": ("binary",),
    "RetrieveContainerFileContent": ("binary",),
    "createTranscription": ("text",),
    "createTranslation": ("text",),
}

# Members that carry text for a model. A row gets those that its request's schema has.
TEXT_FIELDS = (
    "instructions",
    "additional_instructions",
    "messages[].content",
    "messages[].refusal",
    "messages[].tool_calls[].function.arguments",
    "messages[].tool_calls[].custom.input",
    "messages[].function_call.arguments",
    "additional_messages[].content",
    "thread.messages[].content",
    "content",
    "items",
    "input",
    "prompt",
    "prompt.variables",
    "prediction.content",
    "suffix",
    "query",
    "tool_outputs[].output",
    "input_audio_transcription.prompt",
    "session.instructions",
    "session.prompt.variables",
    "model_sample",
)

# A member of such a name that is no text: the suffix of a fine-tuned model's name.
NO_TEXT = {("createFineTuningJob", "suffix")}

Json = Mapping[str, Any]


def make_table(text: bytes) -> bytes:
    """Gives the table as JSON with one line for each endpoint, so that a change reads as a change."""
    document: Json = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    info = document["info"]
    source = Document(title=info["title"], version=info["version"], sha256=hashlib.sha256(text).hexdigest())
    rows = sorted(_endpoints(document), key=lambda row: (row.template, row.method))
    encode = msgspec.json.Encoder().encode
    lines = b",\n".join(b"  " + encode(row) for row in rows)
    return b'{"document": ' + encode(source) + b',\n "endpoints": [\n' + lines + b"\n ]}\n"


def _endpoints(document: Json) -> Iterator[Endpoint]:
    for template, operations in document["paths"].items():
        if "?" in template:
            continue  # `?beta=true` marks another version of an endpoint that has its own row
        for method in METHODS:
            if method in operations:
                yield _endpoint(document, template, method, operations[method])


def _endpoint(document: Json, template: str, method: str, operation: Json) -> Endpoint:
    name = operation["operationId"]
    bodies: Json = _resolve(document, operation.get("requestBody", {})).get("content", {})
    schemas = [body.get("schema", {}) for body in bodies.values()]
    replies = set(map(_content, _reply_types(document, operation))) | {*REPLIES_TOO.get(name, ())}
    if name in STREAMING_TOO:
        replies.add("sse")
    return Endpoint(
        name=template.strip("/").replace("/", "."),
        operation=name,
        method=method.upper(),
        template=template,
        streaming="sse" in replies,
        request=tuple(sorted({_content(media) for media in bodies})),
        reply=tuple(sorted(replies)),
        text_fields=tuple(
            field
            for field in TEXT_FIELDS
            if (name, field) not in NO_TEXT and any(_carries(document, schema, field) for schema in schemas)
        ),
    )


def _reply_types(document: Json, operation: Json) -> Iterator[str]:
    for status, reply in operation["responses"].items():
        if status.startswith("2"):
            yield from _resolve(document, reply).get("content", {})


def _content(media: str) -> Content:
    if media == "application/json":
        return "json"
    if media == "multipart/form-data":
        return "multipart"
    if media == "text/event-stream":
        return "sse"
    if media == "application/sdp" or media.startswith("text/"):
        return "text"
    return "binary"


def _carries(document: Json, schema: Json, field: str) -> bool:
    """Says whether strings can stand at this place: as the member itself, in its list or as its values."""
    places = [schema]
    for step in field.split("."):
        places = [found for place in places for found in _members(document, place, step.removesuffix("[]"))]
        if step.endswith("[]"):
            places = [v["items"] for place in places for v in _variants(document, place) if "items" in v]
    shapes = [shape for place in places for shape in _variants(document, place)]
    return any(_is(shape, "string") or "items" in shape or "additionalProperties" in shape for shape in shapes)


def _members(document: Json, schema: Json, name: str) -> Iterator[Json]:
    for variant in _variants(document, schema):
        if name in variant.get("properties", {}):
            yield variant["properties"][name]


def _variants(document: Json, schema: Json) -> Iterator[Json]:
    """Gives the schema and, below `allOf`, `anyOf` and `oneOf`, each that it can stand for."""
    schema = _resolve(document, schema)
    yield schema
    for word in ("allOf", "anyOf", "oneOf"):
        for variant in schema.get(word, ()):
            yield from _variants(document, variant)


def _is(schema: Json, name: str) -> bool:
    kind = schema.get("type")
    return kind == name or (isinstance(kind, list) and name in kind)


def _resolve(document: Json, node: Json) -> Json:
    while "$ref" in node:
        target: Any = document
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


if __name__ == "__main__":
    TABLE.write_bytes(make_table(Path(sys.argv[1]).read_bytes()))
