"""Turns the bytes of a page into text, by the charset that its sender or the page itself names."""

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"""charset\s{0,8}=\s{0,8}["']?([A-Za-z0-9_:.-]{1,40})""", re.IGNORECASE)
_META_BYTES = 2048
# Some codecs of Python are no charsets of pages, or take time that grows faster than the text (punycode, idna).
_KNOWN = re.compile(
    r"utf-8|utf-16(-le|-be)?|ascii|iso8859-\d+|cp125\d|cp866|koi8-[ru]|mac-roman|gbk|gb2312|gb18030|big5|"
    r"shift_jis|euc_jp|euc_kr|iso2022_jp|tis-620"
)


def text_of(body: bytes, content_type: str) -> str:
    """Gives the text; what is no letter in its charset becomes a replacement mark, an unknown charset is UTF-8."""
    for mark, name in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    named = _META.search(content_type.encode("latin-1", "replace")) or _META.search(body[:_META_BYTES])
    return body.decode(_codec(named[1].decode()) if named else "utf-8", "replace")


def _codec(name: str) -> str:
    try:
        known = codecs.lookup(name).name
    except LookupError:
        return "utf-8"
    if known in ("ascii", "iso8859-1"):
        return "cp1252"
    return known if _KNOWN.fullmatch(known) else "utf-8"
