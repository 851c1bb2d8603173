"""No more is kept than so many, and those who were there last stay."""

from plugins.signals.principals import ByPrincipal


def test_who_was_not_there_for_longest_is_forgotten() -> None:
    kept: ByPrincipal[int] = ByPrincipal(2)
    for name, number in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        kept.keep(name, number)
    assert (kept.of("a"), kept.of("b"), kept.of("c"), len(kept)) == (3, None, 4, 2)
