"""The blocks of a page are found with their lines, their files and their marks."""

from pathlib import Path

from tests.docs.blocks import ROOT, blocks_of, pages

PAGE = """\
# A page

```python
# plugin.py
x = 1
```

<!-- not run: it would change the environment -->

```bash
pip install .
```

Some words end the mark.

<!-- not run: a mark that no block follows -->

More words.

````text
```
fences inside
```
````
"""


def test_each_block_is_found_with_its_line_and_language(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    found = blocks_of(page)

    assert [(block.line, block.language) for block in found] == [(4, "python"), (11, "bash"), (21, "text")]
    assert found[2].text == "```\nfences inside\n```\n"


def test_the_first_line_may_name_the_file_that_a_block_is(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    assert [block.file for block in blocks_of(page)] == ["plugin.py", None, None]


def test_a_mark_holds_for_the_block_directly_behind_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)

    assert [block.not_run for block in blocks_of(page)] == [None, "it would change the environment", None]


def test_the_readme_and_the_written_pages_are_among_the_pages() -> None:
    names = [str(page.relative_to(ROOT)) for page in pages()]

    assert {"README.md", "docs/simulator.md", "docs/writing_a_plugin.md"} <= set(names)
    assert not any(name.startswith(("docs/reference/", "docs/decisions/")) for name in names)
