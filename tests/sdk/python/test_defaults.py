"""Settings, addresses and paths that decide what an answer looks like."""

import base64
import re
import socket
import struct

import openai
import pytest
from conftest import connect
from harness import KEY, MODEL, wait_until
from pictures import look
from schemas import check_error
from test_chat import ask
from test_edit import RED
from wire import Part, events_of, form

B64, URL = "b64_json", "url"


@pytest.mark.c08(4)
@pytest.mark.parametrize(
    ("setting", "model", "given"),
    [("b64_json", MODEL, B64), ("b64_json", "dall-e-3", B64), ("url", "gpt-image-1", URL), ("auto", "gpt-image-1", B64), ("auto", "dall-e-3", URL)],
)
def test_setting_changes_the_form_of_answers(fresh, mark, setting, model, given):
    gateway = fresh(env={"IMG_ROUTER_API_DEFAULT_RESPONSE_FORMAT": setting})
    with connect(gateway) as client:
        [item] = client.images.generate(prompt=mark, model=model).data
        assert [name for name in (URL, B64) if getattr(item, name)] == [given]
        [item] = client.images.generate(prompt=mark, model=model, response_format=URL).data
        assert item.url and not item.b64_json


@pytest.mark.c08(48)
@pytest.mark.parametrize("path", ["images/generations", "images/edits", "images/blend", "images/variations", "chat/completions"])
def test_unknown_models_are_refused_if_so_set(fresh, sim, mark, path):
    gateway = fresh(env={"IMG_ROUTER_ROUTING_UNKNOWN_MODEL": "reject"})
    body = {"prompt": mark, "model": "no-such-model"}
    if path in ("images/edits", "images/variations"):
        asked = {"data": body, "files": {"image": ("a.png", RED)}}
    elif path == "images/blend":
        asked = {"json": body | {"images": [base64.b64encode(RED).decode()] * 2}}
    else:
        asked = {"json": body | ({"messages": [{"role": "user", "content": mark}]} if path.startswith("chat") else {})}
    answer = gateway.post(f"/v1/{path}", **asked)
    error = check_error(answer.json())
    assert (answer.status_code, error["code"], error["param"]) == (404, "model_not_found", "model")
    assert sim.calls(mark) == []


@pytest.mark.c08(33)
@pytest.mark.parametrize("parts", [[], [Part.file("image", b"no picture")], [Part.text("image", "")]], ids=["nothing", "no picture", "empty"])
def test_variations_without_a_picture(gateway, parts):
    body, boundary = form([Part.text("model", MODEL), Part.text("n", "1"), *parts])
    answer = gateway.post("/v1/images/variations", content=body, headers={"content-type": f"multipart/form-data; boundary={boundary}"})
    assert (answer.status_code, check_error(answer.json())["param"]) == (400, "image")


# Generations and chats are JSON only.
NO_SUCH_BODY = {("images/generations", "form"), ("chat/completions", "form")}


@pytest.mark.c08(64, 62)
@pytest.mark.parametrize("kind", ["json", "form"])
@pytest.mark.parametrize("path", ["images/generations", "images/edits", "images/blend", "images/variations", "chat/completions"])
def test_a_stream_is_never_answered_as_json(gateway, mark, path, kind):
    """The SDKs show an empty stream for a JSON answer, and no error."""
    picture = f"data:image/png;base64,{base64.b64encode(RED).decode()}"
    body = {"prompt": mark, "model": MODEL}
    if kind == "json":
        content = [{"type": "text", "text": mark}, {"type": "image_url", "image_url": {"url": picture}}]
        more = {"images/generations": {}, "images/variations": {"image": picture}, "chat/completions": {"messages": [{"role": "user", "content": content}]}}
        asked = {"json": body | {"stream": True} | more.get(path, {"images": [picture, picture]})}
    else:
        asked = {"data": body | {"stream": "true"}, "files": [("image", ("a.png", RED))]}
    answer = gateway.post(f"/v1/{path}", **asked)
    if (path, kind) in NO_SUCH_BODY:
        assert answer.status_code == 415
        check_error(answer.json())
    else:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert len(events_of(answer.text)) >= 2


@pytest.mark.c08(67)
@pytest.mark.parametrize("coding", ["gzip", "gzip, deflate, br, zstd", "identity;q=0, *"])
def test_streams_are_not_compressed(gateway, mark, coding):
    for path, body in [("images/generations", {"prompt": mark, "model": MODEL}), ("chat/completions", ask(mark))]:
        answer = gateway.post(f"/v1/{path}", json=body | {"stream": True}, headers={"accept-encoding": coding})
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers
        assert "no-cache" in answer.headers["cache-control"] and answer.headers["x-accel-buffering"] == "no"


@pytest.mark.c08(60)
def test_a_stream_ends_with_done_and_the_end_of_the_body(gateway, mark):
    for more in ({}, {"stream_options": {"include_usage": True}}, {"n": 2}):
        answer = gateway.post("/v1/chat/completions", json=ask(mark, stream=True, **more))
        assert answer.text.endswith("}\n\ndata: [DONE]\n\n")
        assert answer.text.count("[DONE]") == 1


@pytest.mark.c08(70)
@pytest.mark.parametrize("base", ["https://pictures.example.com", "https://example.com/some/path", "http://10.1.2.3:8443"])
def test_addresses_come_from_the_setting(fresh, mark, base):
    gateway = fresh(env={"IMG_ROUTER_PUBLIC_BASE_URL": base}, public=False)
    with connect(gateway) as client:
        [item] = client.images.generate(prompt=mark, model=MODEL, response_format=URL).data
        content = client.chat.completions.create(**ask(mark)).choices[0].message.content
    name = r"/storage/\d{8}T\d{6}-[0-9a-f]{32}\.png"
    assert re.fullmatch(re.escape(base) + name, item.url)
    assert re.fullmatch(rf"!\[image1\]\({re.escape(base)}{name}\)", content)


@pytest.mark.c08(70)
@pytest.mark.parametrize("headers", [{}, {"host": "evil.example"}, {"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"}])
def test_nobody_else_names_the_gateways_address(fresh, mark, headers):
    gateway = fresh(public=False)
    for path, body in [("images/generations", {"prompt": mark, "model": MODEL, "response_format": URL}), ("chat/completions", ask(mark))]:
        answer = gateway.post(f"/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 200
        assert "data:image/png;base64," in answer.text
        for word in ("evil.example", "127.0.0.1", "0.0.0.0", "localhost", "http:", "https:"):
            assert word not in answer.text


@pytest.mark.c08(72)
@pytest.mark.parametrize(("output", "shown"), [("png", {"png"}), ("jpeg", {"jpeg"}), ("webp", {"png", "jpeg"})])
@pytest.mark.parametrize("stream", [False, True])
def test_data_uris_in_chats_are_of_types_that_clients_show(demo, mark, output, shown, stream):
    body = ask(mark, stream=stream, output_format=output, size="128x128") | {"model": "auto"}
    answer = demo.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    [(kind, data)] = re.findall(r"!\[image1\]\(data:image/([a-z]+);base64,([A-Za-z0-9+/=]+)\)", answer.text)
    assert kind in shown
    assert look(base64.b64decode(data, validate=True)).format == kind


@pytest.mark.c08(78)
def test_list_of_models_waits_for_nobody(fresh, sim):
    sim.script({"when": {"path": "/models"}, "then": "delay=20000"})
    gateway = fresh()
    for _ in range(3):
        answer = gateway.client.get("/v1/models", headers={"authorization": f"Bearer {KEY}"}, timeout=15)
        assert {"auto", MODEL, "dall-e-3"} <= {model["id"] for model in answer.json()["data"]}
    assert min(gateway.client.get("/v1/models").elapsed.total_seconds() for _ in range(20)) < 0.1


@pytest.mark.c08(81)
def test_list_is_of_what_the_key_can_draw_with(fresh, sim):
    """A platform's own key draws at that platform only, the gateway's at those of which it has keys."""
    gateway = fresh(env={"IMG_ROUTER_PROVIDERS_POLLINATIONS_ENABLED": "true"})

    def owners(key=None):
        answer = gateway.client.get("/v1/models", headers={"authorization": f"Bearer {key}"} if key else {})
        return {model["owned_by"] for model in answer.json()["data"]}

    assert {"NewApi", "Pollinations"} <= owners(), "somebody may bring a key"
    assert "NewApi" in owners(KEY)
    assert "Pollinations" not in owners(KEY)
    assert "NewApi" in owners("sk-newapi-my-own")
    assert "Pollinations" not in owners("sk-newapi-my-own")


@pytest.mark.c08(92)
@pytest.mark.parametrize("end", ["", "/"])
def test_slash_at_the_end_of_the_base_address(gateway, mark, end):
    with connect(gateway, base_url=gateway.v1 + end) as client:
        assert client.images.generate(prompt=mark, model=MODEL).data
        assert client.chat.completions.create(**ask(mark)).choices
        assert client.models.list().data


@pytest.mark.c08(93)
@pytest.mark.parametrize("path", ["images/generations", "chat/completions", "models"])
def test_api_version_is_ignored_everywhere(gateway, mark, path):
    query = "?api-version=2025-04-01-preview"
    if path == "models":
        assert gateway.client.get(f"/v1/{path}{query}").status_code == 200
    else:
        assert gateway.post(f"/v1/{path}{query}", json={"prompt": mark, "model": MODEL} | ask(mark)).status_code == 200


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


@pytest.mark.c08(97)
def test_http2_without_tls(gateway):
    """Prior knowledge: it is spoken, or refused at once; nobody waits for an answer that never comes."""
    host, port = gateway.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4))
        answer = wire.recv(65536)
    settings = len(answer) >= 9 and answer[3] == 4
    assert settings or answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer[:100]


@pytest.mark.c08(43)
def test_nothing_drawn_is_never_an_answer(fresh, sim, mark):
    """Clients repeat an answer without pictures, or fail on it without a word."""
    gateway = fresh()
    with connect(gateway) as client:
        for act in (
            lambda: client.images.generate(prompt=f"{mark} [sim empty-data]", model=MODEL),
            lambda: client.images.edit(image=RED, prompt=f"{mark} [sim empty-data]", model=MODEL),
            lambda: client.chat.completions.create(**ask(f"{mark} [sim empty-data]")),
        ):
            with pytest.raises(openai.InternalServerError) as caught:
                act()
            assert caught.value.code == "upstream_error"
    wait_until("every call is answered", lambda: all(call["outcome"]["kind"] == "answered" for call in sim.calls(mark)))
