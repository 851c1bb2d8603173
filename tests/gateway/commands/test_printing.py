"""What is printed is text: a terminal obeys none of it, whoever wrote it."""

import pytest

from gateway.commands.printing import print_folded, print_table, sized

HOSTILE = "gpt\x1b]0;PWNED\x07\x1b[2J\u202e"


def test_tables_and_folded_texts_show_what_a_terminal_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("", ("model",), [(HOSTILE,)])
    print_folded(HOSTILE, 2)
    shown = capsys.readouterr().out
    assert shown.count(r"gpt\x1b]0;PWNED\x07\x1b[2J\u202e") == 2
    assert "\x1b" not in shown


def test_a_text_is_filled_up_or_cut_to_its_columns() -> None:
    assert (sized("ab", 4), sized("abcdef", 4), sized("日本語", 4)) == ("ab  ", "abc…", "日 …")
