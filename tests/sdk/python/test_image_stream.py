"""Streams of picture events."""

import base64

import openai
import pytest
from harness import MODEL
from pictures import look, png
from schemas import check, check_error
from wire import check_stream_headers, events_of

RED = png()
SCHEMAS = {"image_generation.completed": "ImageGenCompletedEvent", "image_edit.completed": "ImageEditCompletedEvent"}


def generate(client, **ask):
    return client.images.generate(stream=True, **ask), "image_generation.completed"


def edit(client, **ask):
    return client.images.edit(stream=True, image=RED, **ask), "image_edit.completed"


@pytest.mark.c08(38)
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("draw", [generate, edit])
def test_completed_events(client, mark, draw, count):
    stream, kind = draw(client, prompt=mark, model="gpt-image-1", n=count)
    events = list(stream)
    assert [event.type for event in events] == [kind] * count
    for event in events:
        check(event.model_dump(exclude_unset=True), SCHEMAS[kind])
        seen = look(base64.b64decode(event.b64_json, validate=True))
        assert (seen.format, f"{seen.width}x{seen.height}") == (event.output_format, event.size)
    assert len({event.b64_json for event in events}) == count


@pytest.mark.parametrize("partial", [0, 1, 3])
def test_partial_pictures_may_be_asked_for(client, mark, partial):
    stream, kind = generate(client, prompt=mark, model="gpt-image-1", partial_images=partial)
    assert [event.type for event in stream][-1] == kind


def test_wishes_show_in_the_event(client, mark):
    wishes = {"quality": "high", "output_format": "jpeg", "background": "opaque", "size": "1536x1024"}
    [event] = client.images.generate(prompt=mark, model="gpt-image-1", stream=True, **wishes)
    assert {name: getattr(event, name) for name in wishes} == wishes


@pytest.mark.c08(64, 67)
def test_stream_as_bytes(gateway, mark):
    answer = gateway.post("/v1/images/generations", json={"prompt": mark, "model": MODEL, "stream": True, "n": 2})
    check_stream_headers(answer)
    events = events_of(answer.text)
    if events[-1].data == "[DONE]":
        events.pop()
    assert [event.name for event in events] == ["image_generation.completed"] * 2
    for event in events:
        check(event.json(), "ImageGenCompletedEvent")
        assert event.json()["type"] == event.name


@pytest.mark.c08(65)
def test_stream_asked_for_in_a_form(gateway, mark):
    ask = {"prompt": mark, "model": MODEL, "stream": "true", "partial_images": "0"}
    answer = gateway.post("/v1/images/edits", data=ask, files={"image": ("a.png", RED)})
    check_stream_headers(answer)
    check(events_of(answer.text)[0].json(), "ImageEditCompletedEvent")


@pytest.mark.c08(62)
def test_early_failure_is_a_status(client, mark):
    with pytest.raises(openai.BadRequestError):
        client.images.generate(prompt=f"{mark} [sim moderation]", model=MODEL, stream=True)
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="a fox", n=17, stream=True)
    assert caught.value.param == "n"


@pytest.mark.c08(62)
def test_late_failure_raises(client, gateway, mark):
    late = {"prompt": f"{mark} [sim moderation delay=6000]", "model": MODEL, "stream": True}
    with pytest.raises(openai.APIError) as caught:
        list(client.images.generate(**late))
    assert caught.value.code == "content_policy_violation"
    answer = gateway.post("/v1/images/generations", json=late)
    check_stream_headers(answer)
    error = events_of(answer.text)[-1]
    assert error.name == "error"
    check_error({"error": error.json()["error"]})


def test_partial_pictures_without_a_stream(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="a fox", partial_images=2)
    assert caught.value.param == "partial_images"
