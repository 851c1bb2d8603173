"""Forms are read to the same end, however their bytes were cut on their way."""

from collections.abc import AsyncGenerator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.form import FormError, FormReader

TYPE = b"multipart/form-data; boundary=b"
MODEL = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
OTHER = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nother\r\n'
FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n\x00--b--\r\n-\r\n'
GOOD = (
    MODEL + FILE + b"--b--\r\n",
    b"\r\n" + FILE + MODEL + b"--b--",
    MODEL + b"--b--\r\n\r\n",
    MODEL + MODEL + b"--b--",
)
BAD = (
    b"preamble\r\n" + MODEL + b"--b--\r\n",
    MODEL + FILE + b"--b--\r\nepilogue",
    MODEL + FILE + b"--b--\r\n" + OTHER + b"--b--\r\n",
    MODEL + FILE + OTHER + b"--b--\r\n",
    MODEL + b"--bb\r\n",
    MODEL.replace(b"\r\n", b"\n"),
    MODEL.replace(b'"model"', b'"model"; filename=""') + b"--b--",
)


async def cut(body: bytes, cuts: list[int]) -> AsyncGenerator[bytes, None]:
    edges = sorted({0, len(body), *(each % len(body) for each in cuts)})
    for start, end in pairwise(edges):
        yield body[start:end]


async def read(body: bytes, cuts: list[int], content_type: bytes = TYPE) -> tuple[dict[str, str], bytes]:
    reader = FormReader(cut(body, cuts), content_type)
    fields = await reader.fields()
    return fields, b"".join([piece async for piece in reader.chunks()])


@given(st.sampled_from(GOOD), st.lists(st.integers(0, 1000), max_size=20))
async def test_a_form_passes_whole_and_its_model_is_read(body: bytes, cuts: list[int]) -> None:
    fields, passed = await read(body, cuts)
    assert (fields, passed) == ({"model": "whisper-1"}, body)


@given(st.sampled_from(BAD), st.lists(st.integers(0, 1000), max_size=20))
async def test_a_form_that_can_be_read_in_two_ways_is_broken_off(body: bytes, cuts: list[int]) -> None:
    with pytest.raises(FormError):
        await read(body, cuts)


@pytest.mark.parametrize("content_type", [b"multipart/form-data", TYPE + b"; boundary=c", TYPE + b"; boundary*=c"])
async def test_a_form_has_one_boundary(content_type: bytes) -> None:
    with pytest.raises(FormError, match="boundary"):
        await read(GOOD[0], [], content_type)
