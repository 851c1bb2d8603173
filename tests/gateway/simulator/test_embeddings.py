"""Embeddings, asked by the official SDK."""

import math

import pytest
from openai import BadRequestError

from gateway.simulator.embeddings import embedded


def dot(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_float_and_base64_are_the_same_vector_of_length_one(lenient):
    floats = lenient.embeddings.create(model="text-embedding-3-small", input="hello", encoding_format="float")
    packed = lenient.embeddings.create(model="text-embedding-3-small", input="hello")
    one, other = floats.data[0].embedding, packed.data[0].embedding
    assert len(one) == 1536
    assert math.isclose(dot(one, one), 1.0)
    assert one == pytest.approx(other, abs=1e-6)


def test_each_input_has_its_vector_and_dimensions_are_respected(lenient):
    answer = lenient.embeddings.create(model="text-embedding-3-large", input=["a b", "c"], dimensions=64)
    assert [(item.index, len(item.embedding)) for item in answer.data] == [(0, 64), (1, 64)]
    assert answer.usage.total_tokens == 3


def test_tokens_are_taken_as_input(lenient):
    answer = lenient.embeddings.create(model="text-embedding-3-small", input=[[1, 2], [3]])
    assert len(answer.data) == 2


def test_an_empty_input_is_refused(lenient):
    with pytest.raises(BadRequestError):
        lenient.embeddings.create(model="text-embedding-3-small", input="")


def test_texts_with_common_words_are_near():
    cat, kitten, stock = (embedded(text, 256) for text in ("the cat sat", "a cat sat down", "rates rose sharply"))
    assert dot(cat, kitten) > 0.4 > abs(dot(cat, stock))


def test_a_text_without_words_has_a_vector_too():
    vector = embedded("!?", 16)
    assert math.isclose(dot(vector, vector), 1.0)
