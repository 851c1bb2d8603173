"""Legacy completions, asked by the official SDK."""


def test_each_prompt_gets_its_choices(client):
    completion = client.completions.create(model="gpt-3.5-turbo-instruct", prompt=["first", "second"], n=2)
    assert [choice.index for choice in completion.choices] == [0, 1, 2, 3]
    assert "You wrote: first" in completion.choices[1].text
    assert "You wrote: second" in completion.choices[2].text


def test_directives_echo_and_the_limit_are_respected(client):
    completion = client.completions.create(model="m", prompt="!long 9", echo=True, max_tokens=4)
    assert completion.choices[0].text == "!long 9one two three four"
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage.completion_tokens == 4


def test_a_stream_carries_the_same_text(lenient):
    chunks = list(lenient.completions.create(model="m", prompt="!say a b c", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == "a b c"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_prompt_of_tokens_is_taken(client):
    assert client.completions.create(model="m", prompt=[1, 2, 3]).choices[0].text.endswith("(3 tokens)")
