"""Reading what an operator writes: the value, or a sentence with file, line, key, and what is allowed."""

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from policies.document import DocumentError, Size, read_document, read_file


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: int = 1
    level: str = "low"


class Outer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    inner: Inner = Inner()
    names: tuple[Inner, ...] = ()
    size: Size = Size(5)
    needed: str = "x"


def test_a_document_becomes_a_typed_value() -> None:
    outer = read_document("inner: {count: 3}\nnames:\n  - {level: high}\nsize: 2 MiB\n", Outer, "a.yaml")
    assert outer == Outer(Inner(3), (Inner(level="high"),), Size(2 << 20))


def test_an_empty_document_has_the_defaults() -> None:
    assert read_document("", Outer, "a.yaml") == read_document("# nothing\n", Outer, "a.yaml") == Outer()


class Needy(msgspec.Struct, frozen=True):
    order: tuple[str, ...]


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "order:\n"])
def test_an_empty_document_that_needs_a_key_is_an_error_with_file_and_key(text: str) -> None:
    with pytest.raises(DocumentError, match=r"a\.yaml(, line \d)?: needs the key `order`\."):
        read_document(text, Needy, "a.yaml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("inner:\n  cuont: 3", "a.yaml, line 2, inner.cuont: unknown key; known: count, level. Did you mean 'count'?"),
        ("inner:\n  count: many", "a.yaml, line 2, inner.count: expected a whole number, got text."),
        ("names:\n- {}\n- {leevl: x}", "a.yaml, line 3, names[1].leevl: unknown key"),
        ("size: huge", "a.yaml, line 1, size: expected a size such as 1048576 or `1 MiB`."),
        ("size: -1", "a.yaml, line 1, size: expected a size"),
        ("inner: 3", "a.yaml, line 1, inner: expected a mapping, got a whole number."),
        ("inner: {}\n\ninner: {}", "a.yaml, line 3, inner: the key stands here twice."),
        ("inner: {count: [}", "a.yaml, line 1: not YAML"),
        ("- 1", "a.yaml, line 1: expected a mapping, got a list."),
        ("? [a]\n: 1", "a.yaml, line 1: a key must be a word."),
        ("inner: !!python/object:os.system {}", "a.yaml"),
    ],
)
def test_a_fault_names_file_line_key_and_what_is_allowed(text: str, sentence: str) -> None:
    with pytest.raises(DocumentError, match="^" + re.escape(sentence)):
        read_document(text, Outer, "a.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"gone\.yaml: cannot be read: No such file"):
        read_file(tmp_path / "gone.yaml", Outer)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(DocumentError, match="not UTF-8"):
        read_file(tmp_path / "a.yaml", Outer)


@pytest.mark.parametrize(
    ("written", "bytes_"), [("7", 7), ("64 KiB", 65536), ("1.5 MiB", 1572864), ("1GB", 10**9), ("10 b", 10)]
)
def test_sizes_have_units(written: str, bytes_: int) -> None:
    assert read_document(f"size: {written}", Outer, "a.yaml").size == bytes_


def test_a_few_lines_of_aliases_do_not_become_millions() -> None:
    rows = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    rows += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 9)]
    with pytest.raises(DocumentError, match=r"laugh\.yaml, line \d+: more than 50000 keys and values are not read\."):
        read_document("\n".join(rows), dict[str, Any], "laugh.yaml")


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: " + "[" * 5000 + "]" * 5000], ids=["in_itself", "deep"])
def test_what_has_no_bottom_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(DocumentError, match=r"deep\.yaml: it is nested too deeply to be read\."):
        read_document(text, dict[str, Any], "deep.yaml")


def test_a_character_that_yaml_does_not_know_is_named_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"nul\.yaml, line 2: not YAML: it holds the character"):
        read_document("a: 1\nb: \0", dict[str, Any], "nul.yaml")


def test_a_tag_at_the_top_is_refused_with_its_line() -> None:
    with pytest.raises(DocumentError, match=r"tag\.yaml, line 1: tags \(!thing\) are not read\."):
        read_document("!thing {a: 1}", dict[str, Any], "tag.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: [1, 2.5, .inf, 0x1f, 0o7, 1e3, ~, null, true, 2026-11-20, '', \"\\u00e4\\n\"]}",
        "a: |\n  one\n\n  two\nb: >-\n  folded\n  text\nc: ä ✓ 🙂\n",
        "a: &x {b: 1}\nc: *x\n",
        "%YAML 1.1\n---\na: b # said\n...\n",
        "a:\r\n  - b\r\n  - c: d\r\n",
        "? a\n: b\n",
        "a: 'it''s'\nb: \"a \\\n  b\"\n",
        *((files("policies") / name).read_text(encoding="utf-8") for name in ("modulation.yaml", "tools.yaml")),
    ],
    ids=range(9),
)
def test_what_is_read_is_what_stands_there(text: str) -> None:
    values = read_document(text, dict[str, Any], "a.yaml")
    assert repr(values) == repr({key: value for key, value in yaml.safe_load(text).items() if value is not None})


WITHOUT_LIBYAML = """
import sys

sys.modules["yaml._yaml"] = None
import yaml
from policies.document import read_document

assert not yaml.__with_libyaml__
print(read_document("a: {b: [1, on, 2.5]}", dict[str, dict[str, list[int | str | float]]], "x"))
"""


def test_documents_are_read_where_pyyaml_was_built_without_libyaml() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_LIBYAML], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'a': {'b': [1, 'on', 2.5]}}\n", "")
