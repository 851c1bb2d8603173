"""Audio, asked by the official SDK."""

import base64
import io
import wave

import pytest
from openai import BadRequestError

SOUND = ("Ton.wav", b"RIFF....", "audio/wav")


def test_speech_is_a_sound_that_can_be_opened(client):
    speech = client.audio.speech.create(model="tts-1", voice="alloy", input="x" * 30, response_format="wav")
    assert speech.response.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(speech.read())) as sound:
        assert sound.getnframes() / sound.getframerate() == pytest.approx(2.0)


def test_speech_streams_as_binary(client):
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input="!chunks 5\nhello there"
    ) as speech:
        assert speech.headers["content-type"] == "audio/mpeg"
        assert b"".join(speech.iter_bytes()).startswith(b"\xff\xfb")


def test_speech_streams_as_events(http):
    body = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "hello", "stream_format": "sse"}
    whole = http.post("/v1/audio/speech", json={**body, "stream_format": "audio"}).content
    events = http.post("/v1/audio/speech", json=body).text
    deltas = [line.split('"audio":"')[1].split('"')[0] for line in events.split("\n") if "speech.audio.delta" in line]
    assert b"".join(base64.b64decode(delta) for delta in deltas) == whole
    assert "speech.audio.done" in events


def test_a_transcription_names_the_file(client):
    heard = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=SOUND)
    assert heard.text == "This is a simulated transcription of Ton.wav, 8 bytes."
    assert heard.usage.total_tokens == heard.usage.input_tokens + heard.usage.output_tokens


def test_a_transcription_comes_in_every_format(client):
    def heard(format_):
        return client.audio.transcriptions.create(
            model="whisper-1", file=SOUND, prompt="!say Hello.", response_format=format_
        )

    assert heard("text") == "Hello.\n"
    assert "00:00:00,000 --> 00:00:03,000\nHello." in heard("srt")
    assert heard("vtt").startswith("WEBVTT")
    assert heard("verbose_json").segments[0].text == "Hello."
    assert heard("diarized_json").segments[0].speaker == "A"
    with pytest.raises(BadRequestError):
        heard("tape")


def test_a_transcription_streams(client):
    events = list(
        client.audio.transcriptions.create(
            model="gpt-4o-transcribe", file=SOUND, prompt="!say one two three", stream=True
        )
    )
    assert "".join(event.delta for event in events[:-1]) == "one two three"
    assert (events[-1].type, events[-1].text) == ("transcript.text.done", "one two three")


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_translation_is_text(client):
    assert "simulated" in client.audio.translations.create(model="whisper-1", file=SOUND).text
