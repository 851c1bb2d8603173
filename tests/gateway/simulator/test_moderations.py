"""Moderations, asked by the official SDK."""


def test_a_keyword_flags_its_category_and_no_other(client):
    result = client.moderations.create(input="I will kill it.").results[0]
    assert result.flagged
    assert [name for name, flag in result.categories.model_dump().items() if flag] == ["violence"]
    assert result.category_scores.violence > 0.5 > result.category_scores.hate


def test_a_harmless_text_is_not_flagged(client):
    assert not client.moderations.create(input="A skilled gardener.").results[0].flagged


def test_a_category_can_be_named(client):
    assert client.moderations.create(input="please flag:self-harm/intent now").results[0].categories.self_harm_intent


def test_texts_are_judged_apart_and_parts_together(client):
    assert [result.flagged for result in client.moderations.create(input=["hello", "murder"]).results] == [False, True]
    parts = [
        {"type": "text", "text": "murder"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]
    [result] = client.moderations.create(input=parts).results
    assert result.category_applied_input_types.violence == ["text", "image"]
