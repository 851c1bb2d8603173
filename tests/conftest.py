"""Tests that share a server run in one process where several run at once (`--dist loadgroup`): it starts once."""

import pytest

_SHARED = ("module", "package", "session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts tests into one group by the widest of their own fixtures that several tests share."""
    for item in items:
        group = _group(item)
        if group:
            item.add_marker(pytest.mark.xdist_group(group))


def _group(item: pytest.Item) -> str | None:
    if not isinstance(item, pytest.Function):
        return None
    ours = [each[-1] for each in item._fixtureinfo.name2fixturedefs.values() if each[-1].baseid]
    widest = max((each.scope for each in ours if each.scope in _SHARED), key=_SHARED.index, default=None)
    if widest is None:
        return None
    if widest == "module":
        return item.nodeid.partition("::")[0]
    return min(each.baseid for each in ours if each.scope == widest)
