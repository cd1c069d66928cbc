"""Pictures through the Responses API."""

import base64

import openai
import pytest
from harness import MAX_BODY, MODEL, fields_of
from pictures import data_uri, large_png, look, png, without_metadata
from schemas import check_error
from test_edit import files_of, sha
from wire import check_stream_headers, events_of

RED, BLUE = png(colour=(255, 0, 0)), png(colour=(0, 0, 255))
TOOL = {"type": "image_generation"}
CALL = "response.image_generation_call"


def ask(content, **more) -> dict:
    """A request as applications make it: a text model, and the tool."""
    tool = TOOL | more.pop("tool", {})
    return {"model": "gpt-5", "input": content, "tools": [tool]} | more


def user(*parts) -> dict:
    return {"role": "user", "content": list(parts)}


def text(words: str) -> dict:
    return {"type": "input_text", "text": words}


def image(picture: bytes) -> dict:
    return {"type": "input_image", "detail": "auto", "image_url": data_uri(picture)}


def calls_of(response) -> list:
    """The items of pictures, as everybody's example code finds them."""
    return [item for item in response.output if item.type == "image_generation_call"]


def picture_of(call) -> bytes:
    return base64.b64decode(call.result, validate=True)


def test_answer(client, sim, mark):
    raw = client.responses.with_raw_response.create(**ask(mark))
    assert raw.headers["x-img-router-provider"] == "NewApi"
    response = raw.parse()
    assert (response.status, response.model, response.error) == ("completed", "gpt-5", None)
    [call] = calls_of(response)
    seen = look(picture_of(call))
    assert (call.status, call.action, call.output_format, call.size) == ("completed", "generate", seen.format, f"{seen.width}x{seen.height}")
    assert response.output_text == "Here is the picture."
    sent = fields_of(sim.one_call(mark))
    assert (sent["prompt"], sent["model"]) == (mark, MODEL), "a text model leaves the choice to the gateway"


def test_several_pictures(client, mark):
    calls = calls_of(client.responses.create(**ask(mark, tool={"n": 3})))
    assert len({call.id for call in calls}) == len({call.result for call in calls}) == 3


def test_wishes_reach_the_platform_and_the_answer(client, sim, mark):
    wishes = {"size": "1536x1024", "quality": "high", "background": "opaque", "output_format": "jpeg"}
    response = client.responses.create(**ask(mark, tool=wishes | {"model": "gpt-image-1"}))
    [call] = calls_of(response)
    assert {name: getattr(call, name) for name in wishes} == wishes
    assert (look(picture_of(call)).format, response.tools[0].size) == ("jpeg", "1536x1024")
    sent = fields_of(sim.one_call(mark))
    assert {name: sent[name] for name in wishes} == wishes


@pytest.mark.parametrize("more", [{}, {"tools": []}, {"tools": [{"type": "web_search"}]}, {"model": MODEL}])
def test_the_tool_is_not_needed(client, mark, more):
    response = client.responses.create(**({"model": "gpt-5", "input": mark} | more))
    assert len(calls_of(response)) == 1


def test_a_picture_comes_in(client, sim, mark):
    [call] = calls_of(client.responses.create(**ask([user(text(mark), image(RED))])))
    assert call.action == "edit"
    assert files_of(sim.one_call(mark)) == [("image", sha(RED))]


def test_pictures_and_a_mask_come_in(client, sim, mark):
    client.responses.create(**ask([user(text(mark), image(RED), image(BLUE))]))
    assert files_of(sim.one_call(mark)) == [("image[]", sha(RED)), ("image[]", sha(BLUE))]
    again, hole = f"{mark} again", png(hole=True)
    client.responses.create(**ask([user(text(again), image(RED))], tool={"input_image_mask": {"image_url": data_uri(hole)}}))
    assert files_of(sim.one_call(again)) == [("image", sha(RED)), ("mask", sha(hole))]


def test_a_conversation_goes_on(client, sim, mark):
    history = [user(text(f"{mark} first"))]
    first = client.responses.create(**ask(history))
    drawn = picture_of(calls_of(first)[0])
    # What the SDK's own documentation does: the output goes into the next input.
    history += [item.model_dump(exclude_unset=True) for item in first.output]
    second = client.responses.create(**ask([*history, user(text(f"{mark} second"))]))
    assert calls_of(second)[0].action == "edit"
    [sent] = files_of(sim.one_call(f"{mark} second"))
    assert sent == ("image", sha(without_metadata(drawn)))
    # LangChain and the AI SDK send no pictures back, only their ids.
    named = [{"type": "image_generation_call", "id": calls_of(first)[0].id}]
    referred = [{"type": "item_reference", "id": calls_of(first)[0].id}]
    for words, ask_again in {
        "call": ask([user(text("a fox")), *named, user(text(f"{mark} call"))]),
        "reference": ask([user(text("a fox")), *referred, user(text(f"{mark} reference"))]),
        "previous": ask(f"{mark} previous", previous_response_id=first.id),
    }.items():
        again = client.responses.create(**ask_again)
        assert (calls_of(again)[0].action, again.previous_response_id) == ("edit", first.id if words == "previous" else None)
        assert files_of(sim.one_call(f"{mark} {words}")) == [sent]
    third = client.responses.create(**ask([*history, user(text(f"{mark} third"))], tool={"action": "generate"}))
    assert calls_of(third)[0].action == "generate"
    assert sim.one_call(f"{mark} third")["path"] == "/v1/images/generations"


def test_long_history_of_pictures(client, sim, mark):
    call = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": base64.b64encode(large_png(MAX_BODY // 2)).decode()}
    turns = [item for words in ("a dog", "a cat", "a cow") for item in (user(text(words)), call)]
    client.responses.create(**ask([*turns, user(text(mark), image(BLUE))]))
    assert files_of(sim.one_call(mark)) == [("image", sha(BLUE))]


def test_addresses_where_they_are_wanted(client, gateway, mark):
    response = client.responses.create(**ask(mark, extra_body={"response_format": "url"}))
    assert response.output_text.startswith(f"![image1]({gateway.url}/storage/")
    [call] = calls_of(response)
    assert gateway.client.get(call.url).content == picture_of(call)


def test_fields_of_text_models_are_politely_ignored(client, mark):
    polite = {
        "instructions": "You are an artist.",
        "temperature": 0.2,
        "top_p": 0.9,
        "max_output_tokens": 4000,
        "parallel_tool_calls": False,
        "tool_choice": {"type": "image_generation"},
        "store": True,
        "metadata": {"a": "b"},
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "truncation": "auto",
        "service_tier": "auto",
        "user": "someone",
    }
    response = client.responses.create(**ask(mark, **polite))
    assert (response.instructions, response.metadata, response.temperature) == ("You are an artist.", {"a": "b"}, 0.2)
    assert (response.parallel_tool_calls, response.tool_choice.type) == (False, "image_generation")


STEPS = ["response.created", "response.in_progress", "response.output_item.added", f"{CALL}.in_progress", f"{CALL}.generating"]
DONE = [f"{CALL}.completed", "response.output_item.done"]
MESSAGE = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]


@pytest.mark.parametrize("tool", [{}, {"partial_images": 2}])
def test_stream(client, mark, tool):
    events = list(client.responses.create(**ask(mark, tool=tool), stream=True))
    assert [event.type for event in events] == [*STEPS, *DONE, *MESSAGE, "response.completed"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    item, response = events[6].item, events[-1].response
    assert look(picture_of(item)).format == item.output_format
    assert response.output[0] == item
    assert response.output_text == events[9].delta
    again = client.responses.create(**ask(f"{mark} again", previous_response_id=response.id))
    assert calls_of(again)[0].action == "edit", "what a stream gave is remembered too"
    assert {event.response.id for event in events if hasattr(event, "response")} == {response.id}


def test_stream_of_several(client, mark):
    events = list(client.responses.create(**ask(mark, tool={"n": 3}), stream=True))
    done = [event for event in events if event.type == "response.output_item.done"]
    assert [event.output_index for event in done] == [0, 1, 2, 3]
    assert [event.item.type for event in done] == ["image_generation_call"] * 3 + ["message"]
    assert [event.item for event in done] == events[-1].response.output


def test_stream_helper(client, mark):
    with client.responses.stream(**ask(mark)) as stream:
        kinds = [event.type for event in stream]
        response = stream.get_final_response()
    assert kinds[-1] == "response.completed"
    assert look(picture_of(calls_of(response)[0])).format == "png"
    assert response.output_text == "Here is the picture."


def test_stream_as_bytes(gateway, mark):
    answer = gateway.post("/v1/responses", json=ask(f"{mark} [sim delay=1200]", stream=True))
    check_stream_headers(answer)
    events = events_of(answer.text)
    assert all(event.name == event.json()["type"] for event in events)
    assert events[-1].name == "response.completed"


def test_early_failure_is_a_status(client, mark):
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            client.responses.create(**ask(f"{mark} [sim moderation]"), stream=stream)
        assert caught.value.code == "content_policy_violation"
        assert caught.value.response.headers["x-should-retry"] == "false"


def test_late_failure_raises(client, gateway, mark):
    late = ask(f"{mark} [sim moderation delay=6000]", stream=True)
    with pytest.raises(openai.APIError) as caught:
        list(client.responses.create(**late))
    assert caught.value.code == "content_policy_violation"
    with pytest.raises(openai.APIError), client.responses.stream(**ask(late["input"])) as stream:
        stream.until_done()
    events = events_of(gateway.post("/v1/responses", json=late).text)
    error, failed = (event.json() for event in events[-2:])
    check_error({"error": error["error"]})
    assert (error["type"], failed["type"], failed["response"]["status"]) == ("error", "response.failed", "failed")
    # Typed clients read the last event of a stream too.
    response = openai.types.responses.Response.model_validate(failed["response"])
    assert response.error.code == "image_content_policy_violation"


REFUSED = {
    "previous_response_id": ({"previous_response_id": "resp_1"}, "previous_response_id"),
    "background": ({"background": True}, "background"),
    "conversation": ({"conversation": "conv_1"}, "conversation"),
    "size": ({"tools": [TOOL | {"size": "large"}]}, "tools[0].size"),
    "file": ({"input": [user(text("a fox"), {"type": "input_image", "detail": "auto", "file_id": "file_1"})]}, "input[0].content[1].image_url"),
    "call by its id": ({"input": [user(text("a fox")), {"type": "image_generation_call", "id": "ig_1"}]}, "input[1].id"),
    "nothing": ({"input": ""}, "input"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(client, name):
    more, param = REFUSED[name]
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(**(ask("a fox") | more))
    assert caught.value.param == param


def test_answers_are_not_kept(client):
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_1")


def test_unknown_models_are_refused_only_where_they_were_asked_for(fresh, mark):
    gateway = fresh(env={"IMG_ROUTER_ROUTING_UNKNOWN_MODEL": "reject"})
    assert gateway.post("/v1/responses", json=ask(mark)).status_code == 200
    answer = gateway.post("/v1/responses", json=ask(mark, tool={"model": "gpt-image-99"}))
    assert (answer.status_code, check_error(answer.json())["code"]) == (404, "model_not_found")
    # Names that clients are tied to stand for the gateway's choice.
    listed = {model["id"] for model in gateway.client.get("/v1/models").json()["data"]}
    assert {"gpt-image-1", "gpt-image-2", "dall-e-3", "dall-e-2"} <= listed
    drawn = gateway.post("/v1/images/generations", json={"prompt": mark, "model": "dall-e-2"})
    assert (drawn.status_code, set(drawn.json()["data"][0])) == (200, {"url"})


def test_setting_puts_pictures_beside_the_text_of_chat(fresh, mark):
    gateway = fresh(env={"IMG_ROUTER_CHAT_MESSAGE_IMAGES": "true"})
    chat = {"model": MODEL, "messages": [{"role": "user", "content": mark}]}
    message = gateway.post("/v1/chat/completions", json=chat).json()["choices"][0]["message"]
    [one] = message["images"]
    assert message["content"] == f"![image1]({one['image_url']['url']})"
    events = events_of(gateway.post("/v1/chat/completions", json=chat | {"stream": True}).text)
    deltas = [event.json()["choices"][0]["delta"] for event in events[:-1]]
    assert [len(delta["images"]) for delta in deltas if "images" in delta] == [1]
