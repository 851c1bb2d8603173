"""Takes personal data out of texts: addresses of e-mail, numbers of phones, cards, accounts and persons.

What only looks like one is left where its check digits say so; identifiers, days, model names and counts stay.
"""

import re
from collections.abc import Callable

from policies.redaction import HIDDEN

# What is worth a closer look: an @, a digit among five more digits or signs between them, or six capitals and a digit.
_HINT = re.compile(r"@|\d[\d ()./-]{5}|[A-Z]{6}\d")
_DIGITS = re.compile(r"\D")
_BEFORE = r"(?<![\w.+/@-])"
_AFTER = r"(?![\w@]|[./-]\w)"
_PHONE_DIGITS = range(8, 16)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def without_personal_data(text: str) -> str:
    """Gives the text with personal data hidden."""
    if _HINT.search(text) is None:
        return text
    for pattern, check in _KINDS:
        text = _without(text, pattern, check)
    return text


def _without(text: str, pattern: re.Pattern[str], check: Callable[[str], bool]) -> str:
    """Hides what looks and checks like one kind; others beside it may look like a part of it."""
    found = pattern.search(text)
    if found is None:
        return text
    pieces: list[str] = []
    taken = 0
    while found is not None:
        kept = found[0]
        while kept and not check(kept):
            kept = kept.rpartition(" ")[0]
        begin = found.start()
        if kept:
            pieces += (text[taken:begin], HIDDEN)
            taken = begin + len(kept)
        found = pattern.search(text, taken if kept else begin + 1)
    return "".join((*pieces, text[taken:]))


def _is_card(text: str) -> bool:
    """Whether the digits have the sum that those of cards have (Luhn)."""
    digits = [int(digit) for digit in _digits(text)]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_account(text: str) -> bool:
    """Whether the check digits of an IBAN (ISO 13616) hold."""
    number = text.replace(" ", "")
    return len(number) <= 34 and int("".join(str(int(each, 36)) for each in number[4:] + number[:4])) % 97 == 1


def _is_french(text: str) -> bool:
    number = text.replace(" ", "").replace("2A", "19", 1).replace("2B", "18", 1)
    return number.isdigit() and 97 - int(number[:-2]) % 97 == int(number[-2:])


def _is_spanish(text: str) -> bool:
    return _DNI_LETTERS[int(text[:8]) % 23] == text[-1]


def _is_brazilian(text: str) -> bool:
    digits = [int(digit) for digit in _digits(text)]
    return all(
        sum(digit * weight for digit, weight in zip(digits, range(length + 1, 1, -1), strict=False)) * 10 % 11 % 10
        == digits[length]
        for length in (9, 10)
    )


def _is_phone(text: str) -> bool:
    return len(_digits(text)) in _PHONE_DIGITS


def _digits(text: str) -> str:
    return _DIGITS.sub("", text)


def _is_enough(text: str) -> bool:
    return True


def _kind(shape: str, check: Callable[[str], bool] = _is_enough) -> tuple[re.Pattern[str], Callable[[str], bool]]:
    return re.compile(f"{_BEFORE}(?:{shape}){_AFTER}"), check


_KINDS = (
    (re.compile(r"(?<![\w.+%-])[\w.+%-]+@(?:[\w-]+\.)+[^\W\d_]{2,}"), _is_enough),
    _kind(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?", _is_account),
    _kind(
        r"[2-6]\d{12,18}|[2-6]\d{3}(?P<mark>[ -])\d{4}(?P=mark)\d{4}(?P=mark)\d{4}|3\d{3}[ -]\d{6}[ -]\d{5}", _is_card
    ),
    _kind(r"[12]\d\d(?:0[1-9]|1[0-2])\d[\dAB]\d{6} ?\d\d", _is_french),
    _kind(r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}"),
    _kind(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]"),
    _kind(r"[A-Z]{6}\d\d[A-EHLMPRST]\d\d[A-Z]\d{3}[A-Z]"),
    _kind(r"\d{8}-?[A-HJ-NP-TV-Z]", _is_spanish),
    _kind(r"\d{3}\.\d{3}\.\d{3}-\d\d", _is_brazilian),
    (re.compile(rf"(?<![\w+])\+\d(?:[ ()./-]{{0,2}}\d){{7,14}}{_AFTER}"), _is_enough),
    _kind(r"\(\d{3}\) ?\d{3}[ .-]\d{4}|\d{3}[ .-]\d{3}[ .-]\d{4}"),
    _kind(r"0\d(?:[ .]\d\d){4}"),
    _kind(r"0\d{2,4}[ /-]\d{3,5}(?:[ -]?\d{2,5}){0,2}", _is_phone),
)
"""E-mail, IBAN, cards, persons of France, the USA, Britain, Italy, Spain and Brazil, phones with + and without."""
