"""Failures of requests: their class in the client, their status, code and parameter."""

import json

import openai
import pytest
from conftest import connect
from harness import KEY, MAX_BODY, MODEL
from schemas import check_error
from wire import chunked, send_raw

GENERATIONS = "/v1/images/generations"


@pytest.mark.c08(47)
def test_missing_key(gateway):
    answer = gateway.post(GENERATIONS, json={"prompt": "a fox"}, headers={"authorization": None})
    assert (answer.status_code, check_error(answer.json())["code"]) == (401, "missing_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["x-should-retry"] == "false"


@pytest.mark.c08(47)
@pytest.mark.parametrize("key", ["wrong", "sk-wrong", KEY + "x", KEY[:-1], KEY.upper(), "demo"])
def test_wrong_key(gateway, key):
    with connect(gateway, api_key=key) as client, pytest.raises(openai.AuthenticationError) as caught:
        client.images.generate(prompt="a fox")
    assert (caught.value.code, caught.value.type) == ("invalid_api_key", "authentication_error")
    check_error({"error": caught.value.body})
    assert caught.value.request_id


@pytest.mark.c08(94)
@pytest.mark.parametrize("headers", [{"authorization": f"bearer {KEY}"}, {"AUTHORIZATION": f"BEARER {KEY}"}, {"api-key": KEY}, {"x-api-key": KEY}])
def test_spellings_of_the_key(gateway, mark, headers):
    headers = {"authorization": None} | {name.lower(): value for name, value in headers.items()}
    assert gateway.post(GENERATIONS, json={"prompt": mark}, headers=headers).status_code == 200


@pytest.mark.c08(47)
@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", f"Token {KEY}", KEY, "Bearer"])
def test_spellings_that_are_no_key(gateway, header):
    answer = gateway.post(GENERATIONS, json={"prompt": "a fox"}, headers={"authorization": header})
    assert answer.status_code == 401
    assert check_error(answer.json())["code"] in ("invalid_api_key", "missing_api_key")


def test_key_of_a_platform_is_relayed(gateway, sim, mark):
    with connect(gateway, api_key="sk-newapi-my-own") as client:
        assert client.images.generate(prompt=mark, model=MODEL).data
    assert sim.one_call(mark)["key"] == "sk-newapi-my-own"


def test_relayed_key_that_the_platform_refuses(gateway, sim, mark):
    sim.script({"when": {"key": "sk-newapi-expired"}, "then": "status=401"})
    with connect(gateway, api_key="sk-newapi-expired") as client, pytest.raises(openai.AuthenticationError) as caught:
        client.images.generate(prompt=mark, model=MODEL)
    assert caught.value.code == "invalid_api_key"
    assert len(sim.calls(mark)) == 1


@pytest.mark.c08(46)
def test_relay_switched_off(fresh):
    gateway = fresh(env={"IMG_ROUTER_SYSTEM_MODES_RELAY": "false"})
    with connect(gateway, api_key="sk-newapi-my-own") as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.images.generate(prompt="a fox")
    assert caught.value.code == "relay_disabled"


BAD = [
    ("n", 0),
    ("n", 17),
    ("n", -1),
    ("n", "3"),
    ("n", 1.5),
    ("n", [1]),
    ("prompt", ""),
    ("prompt", " \n "),
    ("prompt", None),
    ("prompt", 7),
    ("prompt", ["a fox"]),
    ("prompt", "x" * 32_001),
    ("size", "large"),
    ("size", "0x0"),
    ("size", "1024x"),
    ("size", "99999x1"),
    ("size", 1024),
    ("response_format", "jpeg"),
    ("response_format", {"type": "url"}),
    ("quality", "best"),
    ("style", "baroque"),
    ("background", "blue"),
    ("output_format", "bmp"),
    ("output_compression", 101),
    ("moderation", "none"),
    ("model", 7),
    ("stream", "yes"),
]


@pytest.mark.c08(9)
@pytest.mark.parametrize(("param", "value"), BAD, ids=lambda value: repr(value)[:30])
def test_bad_parameters(client, sim, mark, param, value):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt=mark, model=MODEL, extra_body={param: value})
    error = caught.value
    assert (error.param, error.type, error.code) == (param, "invalid_request_error", "invalid_request_error")
    assert param in error.message
    check_error({"error": error.body})
    assert error.request_id
    assert sim.calls(mark) == []


def test_nul_in_the_prompt(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt="nul \0 inside")
    assert caught.value.param == "prompt"
    assert "NUL" in caught.value.message or "U+0000" in caught.value.message


BODIES = {"empty": b"", "cut": b'{"prompt": "a fox"', "no JSON": b"prompt=a+fox", "list": b"[]", "text": b'"a fox"', "twice": b'{"prompt":"a","prompt":"b"}', "not UTF-8": b'{"prompt":"\xff"}'}


@pytest.mark.c08(9)
@pytest.mark.parametrize("case", BODIES)
def test_bodies_that_are_no_request(gateway, case):
    answer = gateway.post(GENERATIONS, content=BODIES[case], headers={"content-type": "application/json"})
    error = check_error(answer.json())
    assert answer.status_code == 400
    assert error["param"]
    if case in ("cut", "no JSON", "not UTF-8"):
        assert "line 1" in error["message"] and "column" in error["message"]


@pytest.mark.c08(9)
def test_prompt_is_required(gateway):
    answer = gateway.post(GENERATIONS, json={"model": MODEL})
    assert (answer.status_code, check_error(answer.json())["param"]) == (400, "prompt")


@pytest.mark.c08(30, 46)
@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", None])
@pytest.mark.parametrize("path", ["images/generations", "images/edits", "images/blend", "chat/completions"])
def test_media_types(gateway, path, media_type):
    answer = gateway.post(f"/v1/{path}", content=b'{"prompt":"a fox"}', headers={"content-type": media_type})
    assert (answer.status_code, check_error(answer.json())["code"]) == (415, "unsupported_media_type")


@pytest.mark.c08(46, 92)
@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/images", "/v1//images/generations", "/v1/images/generations/", "/v1/embeddings", "/nothing", "/v1/dashboard/billing/usage"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_paths_that_are_none(gateway, method, path):
    answer = gateway.client.request(method, gateway.url + path, headers={"authorization": f"Bearer {KEY}"})
    assert (answer.status_code, check_error(answer.json())["code"]) == (404, "not_found")
    assert answer.headers["x-request-id"]


@pytest.mark.c08(46)
@pytest.mark.parametrize(("method", "path", "allow"), [("GET", "images/generations", "POST"), ("DELETE", "chat/completions", "POST"), ("POST", "models", "GET")])
def test_methods_that_are_not_taken(gateway, method, path, allow):
    answer = gateway.client.request(method, f"/v1/{path}", headers={"authorization": f"Bearer {KEY}"})
    assert (answer.status_code, check_error(answer.json())["code"]) == (405, "method_not_allowed")
    assert allow in answer.headers["allow"]


@pytest.mark.c08(31)
def test_body_over_the_limit(client):
    with pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(prompt="x" * (MAX_BODY + 1))
    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")


@pytest.mark.c08(31, 74)
@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("path", ["images/generations", "images/edits"])
def test_refusal_of_a_large_body_can_be_read(gateway, path, announced):
    """A caller that is still sending must see the answer, not a reset."""
    media_type = "application/json" if path.endswith("generations") else "multipart/form-data; boundary=b"
    start = b'{"prompt":"' if path.endswith("generations") else b'--b\r\ncontent-disposition: form-data; name="image"; filename="a"\r\n\r\n\x89PNG\r\n\x1a\n'
    pieces = [start, *[b"x" * 65_536] * 64]
    length = sum(map(len, pieces))
    framing = f"Content-Length: {length}" if announced else "Transfer-Encoding: chunked"
    head = [f"POST /v1/{path} HTTP/1.1", "Host: gateway", f"Authorization: Bearer {KEY}", f"Content-Type: {media_type}", framing, "Connection: close", "Origin: https://app.example"]
    status, headers, body = send_raw(gateway.url, head, pieces if announced else chunked(pieces))
    assert status == 413
    assert headers["access-control-allow-origin"] == "*"
    assert check_error(json.loads(body))["code"] == "request_too_large"


def test_language(gateway):
    answer = gateway.post(GENERATIONS, json={}, headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "缺少" in check_error(answer.json())["message"]
    answer = gateway.post(GENERATIONS, json={}, headers={"accept-language": "de"})
    assert "required" in check_error(answer.json())["message"]


@pytest.mark.c08(44)
@pytest.mark.parametrize("given", ["my-id.1", "x" * 128])
@pytest.mark.parametrize("status", [200, 400])
def test_own_request_id_is_kept(gateway, mark, given, status):
    answer = gateway.post(GENERATIONS, json={"prompt": mark if status == 200 else ""}, headers={"x-request-id": given})
    assert (answer.status_code, answer.headers["x-request-id"]) == (status, given)


@pytest.mark.c08(44)
@pytest.mark.parametrize("given", ["x" * 129, "with blank", "a;b", ""])
def test_odd_request_id_is_replaced(gateway, given):
    answer = gateway.post(GENERATIONS, json={}, headers={"x-request-id": given})
    assert answer.headers["x-request-id"] not in ("", given)
