"""Makes silence in the formats that are simple enough, and a labelled stand-in for the others."""

import struct

RATE = 24_000
# An MPEG-1 layer III frame, 128 kbit/s, 44.1 kHz, mono: a header and no signal.
MP3_FRAME = b"\xff\xfb\x90\xc4" + bytes(413)
MP3_FRAMES_PER_SECOND = 38.28
TYPES = {
    "mp3": b"audio/mpeg",
    "opus": b"audio/opus",
    "aac": b"audio/aac",
    "flac": b"audio/flac",
    "wav": b"audio/wav",
    "pcm": b"audio/pcm",
}
STARTS = {"opus": b"OggS\x00\x02", "aac": b"\xff\xf1\x50\x80", "flac": b"fLaC\x00\x00\x00\x22"}


def silence(seconds: float, format_: str) -> bytes:
    """Silence as mp3, wav or pcm; for opus, aac and flac only the start of a file and zeros."""
    if format_ == "mp3":
        return MP3_FRAME * max(1, round(seconds * MP3_FRAMES_PER_SECOND))
    samples = bytes(2 * max(1, round(seconds * RATE)))
    if format_ == "pcm":
        return samples
    if format_ == "wav":
        return _wav_header(len(samples)) + samples
    return STARTS[format_] + samples[: len(samples) // 8]


def _wav_header(size: int) -> bytes:
    shape = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + size, b"WAVE") + shape + struct.pack("<4sI", b"data", size)
