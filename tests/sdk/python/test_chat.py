"""Pictures through chat completions."""

import base64
import re

import openai
import pytest
from harness import MAX_BODY, MODEL, fields_of
from pictures import data_uri, large_png, look, png, without_metadata
from schemas import check, check_error
from test_edit import files_of, sha
from wire import check_stream_headers, events_of

RED, BLUE = png(colour=(255, 0, 0)), png(colour=(0, 0, 255))
MARKDOWN = re.compile(r"!\[image(\d+)\]\((\S+?)\)")


def ask(content, **more) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": content}], **more}


def text(words: str) -> dict:
    return {"type": "text", "text": words}


def image(picture: bytes) -> dict:
    return {"type": "image_url", "image_url": {"url": data_uri(picture)}}


def pictures_of(gateway, content: str) -> list[bytes]:
    """The pictures of a Markdown text that holds nothing else, one a line."""
    links = [MARKDOWN.fullmatch(line) for line in content.split("\n")]
    assert all(links), content[:300]
    assert [link[1] for link in links] == [str(number + 1) for number in range(len(links))]
    urls = [link[2] for link in links]
    return [base64.b64decode(url.split(",", 1)[1]) if url.startswith("data:") else gateway.client.get(url).content for url in urls]


@pytest.mark.c08(38, 42)
def test_answer(client, gateway, sim, mark):
    raw = client.chat.completions.with_raw_response.create(**ask(mark))
    body = raw.http_response.json()
    check(body, "CreateChatCompletionResponse")
    assert body["model"] == MODEL
    assert isinstance(body["created"], int)
    [choice] = body["choices"]
    assert choice["finish_reason"] == "stop"
    assert (choice["logprobs"], choice["message"]["refusal"], choice["message"]["role"]) == (None, None, "assistant")
    assert body["usage"].keys() >= {"prompt_tokens", "completion_tokens", "total_tokens"}
    [picture] = pictures_of(gateway, raw.parse().choices[0].message.content)
    assert look(picture).format == "png"
    assert raw.headers["x-img-router-provider"] == "NewApi"
    call = sim.one_call(mark)
    assert call["path"] == "/v1/images/generations"
    assert fields_of(call)["prompt"] == mark


@pytest.mark.c08(61, 70)
def test_links_are_short_and_safe(client, gateway, mark):
    content = client.chat.completions.create(**ask(mark)).choices[0].message.content
    url = MARKDOWN.fullmatch(content)[2]
    assert url.startswith(f"{gateway.url}/storage/") and url.endswith(".png")
    assert re.fullmatch(r"[A-Za-z0-9._~/:-]+", url)


def test_several_pictures(client, gateway, mark):
    content = client.chat.completions.create(**ask(mark, extra_body={"n": 3})).choices[0].message.content
    assert len(set(pictures_of(gateway, content))) == 3


def test_size_is_honoured(client, gateway, mark):
    content = client.chat.completions.create(**ask(mark, extra_body={"size": "512x256"})).choices[0].message.content
    seen = look(pictures_of(gateway, content)[0])
    assert (seen.width, seen.height) == (512, 256)


@pytest.mark.c08(61, 72)
def test_without_a_public_address_pictures_are_inside(demo_client, demo, mark):
    small = {"model": "auto", "extra_body": {"size": "128x128"}}
    content = demo_client.chat.completions.create(**(ask(mark) | small)).choices[0].message.content
    assert content.startswith("![image1](data:image/png;base64,")
    assert look(pictures_of(demo, content)[0]).width == 128
    chunks = demo_client.chat.completions.create(**(ask(mark, stream=True) | small))
    deltas = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(deltas) == 1, "a picture is whole in one delta"
    assert look(pictures_of(demo, deltas[0])[0]).width == 128


INPUTS = {
    "one part": ([image(RED)], ["image"]),
    "two parts": ([image(RED), image(BLUE)], ["image[]", "image[]"]),
    "part of another dialect": ([{"type": "image", "image": data_uri(RED).split(",")[1], "mediaType": "image/png"}], ["image"]),
    "markdown": ([text(f"![old]({data_uri(RED)})")], ["image"]),
}


@pytest.mark.c08(34)
@pytest.mark.parametrize("form", INPUTS)
def test_pictures_in_the_message(client, gateway, sim, mark, form):
    parts, names = INPUTS[form]
    content = client.chat.completions.create(**ask([text(mark), *parts])).choices[0].message.content
    assert look(pictures_of(gateway, content)[0]).format == "png"
    call = sim.one_call(mark)
    assert files_of(call) == list(zip(names, [sha(RED), sha(BLUE)], strict=False))
    assert fields_of(call)["prompt"].strip() == mark


@pytest.mark.c08(34)
def test_picture_by_address(client, sim, mark):
    url = f"{sim.url}/pic/78-64x64-0.png"
    client.chat.completions.create(**ask([text(mark), {"type": "image_url", "image_url": {"url": url, "detail": "high"}}]))
    assert files_of(sim.one_call(mark)) == [("image", sha(without_metadata(sim.client.get(url).content)))]


@pytest.mark.c08(34)
def test_only_the_last_user_message_counts(client, sim, mark):
    messages = [
        {"role": "system", "content": "You are an artist."},
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [text("a dog"), image(BLUE)]},
        {"role": "assistant", "content": f"![image1]({data_uri(RED)})"},
        {"role": "user", "content": mark},
    ]
    client.chat.completions.create(model=MODEL, messages=messages)
    call = sim.one_call(mark)
    assert (call["path"], fields_of(call)["prompt"]) == ("/v1/images/generations", mark)


@pytest.mark.c08(34)
def test_long_history_of_pictures(client, sim, mark):
    old = data_uri(large_png(MAX_BODY))
    messages = [
        {"role": "user", "content": "a dog"},
        {"role": "assistant", "content": f"![image1]({old})"},
        {"role": "user", "content": "a cat"},
        {"role": "assistant", "content": f"![image1]({old})"},
        {"role": "user", "content": mark},
    ]
    assert client.chat.completions.create(model=MODEL, messages=messages).choices
    sim.one_call(mark)


def test_setting_continues_from_the_last_picture(fresh, sim, mark):
    gateway = fresh(env={"IMG_ROUTER_CHAT_CONTINUE_FROM_LAST_IMAGE": "true"})
    messages = [
        {"role": "user", "content": [text("a dog"), image(BLUE)]},
        {"role": "assistant", "content": f"![image1]({data_uri(RED)})"},
        {"role": "user", "content": mark},
    ]
    answer = gateway.post("/v1/chat/completions", json={"model": MODEL, "messages": messages})
    assert answer.status_code == 200, answer.text
    assert files_of(sim.one_call(mark)) == [("image", sha(RED))]


@pytest.mark.c08(36)
def test_fields_of_text_models_are_politely_ignored(client, sim, mark):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    polite = {
        "temperature": 0.2,
        "top_p": 0.9,
        "max_tokens": 4000,
        "max_completion_tokens": 4000,
        "presence_penalty": 0,
        "frequency_penalty": 0,
        "tools": [tool],
        "tool_choice": "auto",
        "user": "someone",
        "seed": 3,
        "n": 1,
        "metadata": {"a": "b"},
        "response_format": {"type": "text"},
        "reasoning_effort": "low",
        "stop": ["x"],
        "logprobs": False,
    }
    assert client.chat.completions.create(**ask(mark, **polite)).choices
    sent = fields_of(sim.one_call(mark))
    assert not {"temperature", "top_p", "max_tokens", "tools", "messages", "metadata", "stop"} & sent.keys()


@pytest.mark.c08(38, 54, 59, 61)
@pytest.mark.parametrize("usage", [False, True])
def test_stream(client, gateway, mark, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}
    chunks = list(client.chat.completions.create(**ask(mark, stream=True, extra_body={"n": 2}, **options)))
    for chunk in chunks:
        check(chunk.model_dump(exclude_unset=True), "CreateChatCompletionStreamResponse")
    assert len({(chunk.id, chunk.created, chunk.model, chunk.object) for chunk in chunks}) == 1
    last = chunks.pop() if usage else None
    assert all(len(chunk.choices) == 1 and chunk.usage is None for chunk in chunks)
    if last:
        assert last.choices == []
        assert last.usage.total_tokens >= 0
    first, *middle, end = [chunk.choices[0] for chunk in chunks]
    assert (first.delta.role, first.delta.content) == ("assistant", "")
    assert end.finish_reason == "stop"
    assert not end.delta.content
    assert all(choice.finish_reason is None for choice in [first, *middle])
    contents = [choice.delta.content for choice in middle if choice.delta.content]
    assert len(contents) == 2, "each picture whole in one delta"
    assert len(set(pictures_of(gateway, "".join(contents)))) == 2


@pytest.mark.c08(59, 60, 66, 67)
def test_stream_as_bytes(gateway, mark):
    answer = gateway.post("/v1/chat/completions", json=ask(mark, stream=True), headers={"accept": "application/json"})
    check_stream_headers(answer)
    events = events_of(answer.text)
    assert [event.name for event in events] == [None] * len(events)
    assert events.pop().data == "[DONE]"
    for event in events:
        check(event.json(), "CreateChatCompletionStreamResponse")
        assert "usage" not in event.json()


def test_role_comes_while_the_platform_draws(client, sim, mark):
    stream = client.chat.completions.create(**ask(f"{mark} [sim delay=8000]", stream=True))
    first = next(stream)
    assert first.choices[0].delta.role == "assistant"
    assert sim.one_call(mark)["outcome"]["kind"] == "open"
    assert [chunk.choices[0].finish_reason for chunk in stream][-1] == "stop"
    assert sim.one_call(mark)["outcome"]["kind"] == "answered"


@pytest.mark.c08(62)
def test_early_failure_of_a_stream_is_a_status(client, mark):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**ask(f"{mark} [sim moderation]", stream=True))
    assert caught.value.code == "content_policy_violation"


@pytest.mark.c08(62)
def test_late_failure_of_a_stream_raises(client, gateway, mark):
    late = ask(f"{mark} [sim moderation delay=6000]", stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(client.chat.completions.create(**late))
    assert caught.value.code == "content_policy_violation"
    assert "NewApi" in caught.value.message
    answer = gateway.post("/v1/chat/completions", json=late)
    check_stream_headers(answer)
    *_, error, done = answer.text.split("\n\n")[:-1]
    assert error.startswith('data: {"error":')
    assert done == "data: [DONE]"
    check_error(events_of(answer.text)[-2].json())


BAD = {
    "no messages": ({}, "messages"),
    "empty messages": ({"messages": []}, "messages"),
    "only an assistant": ({"messages": [{"role": "assistant", "content": "hello"}]}, "messages"),
    "unknown role": ({"messages": [{"role": "robot", "content": "hello"}]}, "messages[0].role"),
    "no words": ({"messages": [{"role": "user", "content": ""}]}, "messages"),
    "number": ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
    "n of zero": (ask("a fox", n=0), "n"),
    "stream that is no switch": (ask("a fox", stream="yes"), "stream"),
}


@pytest.mark.c08(9)
@pytest.mark.parametrize("case", BAD)
def test_refusals(gateway, case):
    body, param = BAD[case]
    answer = gateway.post("/v1/chat/completions", json=body)
    assert answer.status_code == 400, answer.text
    assert check_error(answer.json())["param"] == param
