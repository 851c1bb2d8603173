"""Cuts a text into words for those that count them: in small letters, as bytes, `!` and `?` as words of their own."""

from collections.abc import Sequence

BEGIN, END = 180, 90
"""In characters: of a longer text its beginning and its end are read; what it is about stands there."""
_LETTERS_OF_A_WORD = 12
_KEPT = "!?'"
_ASCII_MARKS = bytes(
    code if code > 127 or chr(code).isalnum() or chr(code) in _KEPT else ord(" ") for code in range(256)
)
_OTHER_MARKS = tuple((sign.encode(), b" ") for sign in "«»“”„¿¡、。，：；「」") + tuple(
    (sign.encode(), same) for sign, same in (("！", b"!"), ("？", b"?"), ("’", b"'"))
)


def tokens_of(text: str) -> Sequence[bytes]:
    """Gives the words of a text; single signs where words are not divided by spaces."""
    read = text if len(text) <= BEGIN + END else f"{text[:BEGIN]} {text[-END:]}"
    lower = read.lower()
    data = lower.encode("utf-8", "replace").translate(_ASCII_MARKS)
    if not lower.isascii():
        for sign, same in _OTHER_MARKS:
            data = data.replace(sign, same)
    words = data.replace(b"!", b" ! ").replace(b"?", b" ? ").split()
    if len(lower) > _LETTERS_OF_A_WORD * len(words):
        return [sign.encode("utf-8", "replace") for sign in b"".join(words).decode("utf-8", "replace")]
    return words
