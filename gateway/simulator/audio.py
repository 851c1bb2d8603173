"""`/v1/audio`: silence for speech, and a fixed sentence for what was heard."""

import base64
from collections.abc import Iterator
from typing import Literal

import msgspec

from gateway.simulator.asgi import JSON
from gateway.simulator.directives import read_directives
from gateway.simulator.errors import ApiError
from gateway.simulator.forms import Form
from gateway.simulator.models import known
from gateway.simulator.pieces import pieces
from gateway.simulator.replies import Event, Reply, Stream, Whole
from gateway.simulator.routes import Request, Route
from gateway.simulator.shapes import Shape
from gateway.simulator.sounds import TYPES, silence
from gateway.simulator.tokens import Tokens

LETTERS_PER_SECOND = 15
LONGEST_SECONDS = 60
BLOCK = 4096
# A fixed length: the simulator does not listen.
HEARD_SECONDS = 3.0


class SpeechRequest(msgspec.Struct, frozen=True):
    """A speech request."""

    model: str
    input: str
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3"
    stream_format: Literal["sse", "audio"] = "audio"


class Audio:
    """Answers speech, transcription and translation requests."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._shape = Shape(SpeechRequest)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/v1/audio/speech", self.speech),
            Route("POST", "/v1/audio/transcriptions", self.transcription, multipart=True),
            Route("POST", "/v1/audio/translations", self.translation, multipart=True),
        ]

    def speech(self, request: Request) -> Reply:
        """Silence, as long as the text would take to read."""
        asked = self._shape.read(request.body)
        known(asked.model)
        directives = read_directives(asked.input)
        directives.raise_asked_error()
        seconds = min(len(asked.input) / LETTERS_PER_SECOND, LONGEST_SECONDS)
        sound = silence(seconds, asked.response_format)
        blocks = _blocks(sound, directives.chunks)
        if asked.stream_format == "audio":
            events = (Event(block, True) for block in blocks)
            return Stream(events, content_type=TYPES[asked.response_format], pacing=directives.pacing)
        usage = _usage(self._tokens.count(asked.input), round(seconds * 20), "text_tokens")
        return Stream(_spoken(blocks, usage), pacing=directives.pacing)

    def transcription(self, request: Request) -> Reply:
        """The fixed sentence in the format that was asked for."""
        return self._heard(request.form, "transcribe")

    def translation(self, request: Request) -> Reply:
        """The same in English."""
        return self._heard(request.form, "translate")

    def _heard(self, form: Form | None, task: str) -> Reply:
        form = form or Form((), ())
        upload = form.file("file")
        known(form.field("model"))
        directives = read_directives(form.field("prompt", ""))
        directives.raise_asked_error()
        text = directives.say or f"This is a simulated transcription of {upload.filename}, {upload.size} bytes."
        usage = _usage(round(HEARD_SECONDS * 10), self._tokens.count(text), "audio_tokens")
        if form.has("stream") and task == "transcribe":
            return Stream(_transcribed(pieces(text, directives.chunks), text, usage), pacing=directives.pacing)
        body, kind = _formatted(text, form.field("response_format", "json"), task, usage)
        return Whole(body, content_type=kind, pacing=directives.pacing)


def _blocks(sound: bytes, count: int | None) -> list[bytes]:
    size = BLOCK if count is None else -(-len(sound) // count)
    return [sound[start : start + size] for start in range(0, len(sound), size)]


def _usage(read: int, written: int, kind: str) -> JSON:
    details = {"text_tokens": 0, "audio_tokens": 0, kind: read}
    return {
        "type": "tokens",
        "input_tokens": read,
        "input_token_details": details,
        "output_tokens": written,
        "total_tokens": read + written,
    }


def _spoken(blocks: list[bytes], usage: JSON) -> Iterator[Event]:
    for block in blocks:
        yield _event({"type": "speech.audio.delta", "audio": base64.b64encode(block).decode()}, True)
    yield _event({"type": "speech.audio.done", "usage": usage}, False)


def _transcribed(heard: list[str], text: str, usage: JSON) -> Iterator[Event]:
    for piece in heard:
        yield _event({"type": "transcript.text.delta", "delta": piece}, True)
    yield _event({"type": "transcript.text.done", "text": text, "usage": usage}, False)


def _event(event: JSON, counted: bool) -> Event:
    return Event(b"data: " + msgspec.json.encode(event) + b"\n\n", counted)


def _formatted(text: str, format_: str, task: str, usage: JSON) -> tuple[bytes, bytes]:
    plain = b"text/plain; charset=utf-8"
    if format_ == "text":
        return f"{text}\n".encode(), plain
    if format_ == "srt":
        return f"1\n00:00:00,000 --> 00:00:03,000\n{text}\n\n".encode(), plain
    if format_ == "vtt":
        return f"WEBVTT\n\n00:00:00.000 --> 00:00:03.000\n{text}\n\n".encode(), plain
    if format_ == "json":
        return msgspec.json.encode({"text": text, "usage": usage}), b"application/json"
    if format_ == "verbose_json":
        return msgspec.json.encode(_verbose(text, task)), b"application/json"
    if format_ == "diarized_json":
        times = {"start": 0.0, "end": HEARD_SECONDS}
        segment = {"id": "seg_0", "type": "transcript.text.segment", "speaker": "A", "text": text, **times}
        diarized = {"task": task, "duration": HEARD_SECONDS, "text": text, "segments": [segment], "usage": usage}
        return msgspec.json.encode(diarized), b"application/json"
    raise ApiError(400, f"Invalid value for 'response_format': '{format_}'.", param="response_format")


def _verbose(text: str, task: str) -> JSON:
    segment = {
        "id": 0,
        "seek": 0,
        "start": 0.0,
        "end": HEARD_SECONDS,
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": 0.0,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }
    return {
        "task": task,
        "language": "english",
        "duration": HEARD_SECONDS,
        "text": text,
        "segments": [segment],
        "usage": {"type": "duration", "seconds": HEARD_SECONDS},
    }
