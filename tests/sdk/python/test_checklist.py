"""Looks back at the run: were the answers checked that were to be, and does the check fail on what is wrong?"""

import json

import proxies
import pytest
import schemas

HEADERS = {"x-request-id": "1", "content-type": "application/json", "transfer-encoding": "chunked"}
PICTURE = {"created": 1, "data": [{"b64_json": "aGk="}]}
ERROR = {"error": {"message": "no", "type": "server_error", "param": None, "code": "upstream_error"}}
GENERATIONS = "/v1/images/generations"
# What clients stumble over: path, status, headers, body.
WRONG = {
    "no request id": (GENERATIONS, 200, HEADERS | {"x-request-id": ""}, PICTURE),
    "another type": (GENERATIONS, 200, HEADERS | {"content-type": "text/html"}, PICTURE),
    "a wrong length": (GENERATIONS, 200, HEADERS | {"content-length": "3"}, PICTURE),
    "no pictures": (GENERATIONS, 200, HEADERS, PICTURE | {"data": []}),
    "both forms": (GENERATIONS, 200, HEADERS, PICTURE | {"data": [{"url": "https://a.example/1.png", "b64_json": "aGk="}]}),
    "neither form": (GENERATIONS, 200, HEADERS, PICTURE | {"data": [{}]}),
    "a prefix in base64": (GENERATIONS, 200, HEADERS, PICTURE | {"data": [{"b64_json": "data:image/png;base64,aGk="}]}),
    "a line break in base64": (GENERATIONS, 200, HEADERS, PICTURE | {"data": [{"b64_json": "aG\nk="}]}),
    "a time that is no integer": (GENERATIONS, 200, HEADERS, PICTURE | {"created": 1.5}),
    "a background that is a wish": (GENERATIONS, 200, HEADERS, PICTURE | {"background": "auto"}),
    "a format that is an ending": (GENERATIONS, 200, HEADERS, PICTURE | {"output_format": "jpg"}),
    "half a usage": (GENERATIONS, 200, HEADERS, PICTURE | {"usage": {"total_tokens": 1}}),
    "an error with 200": (GENERATIONS, 200, HEADERS, ERROR),
    "a text for an error": (GENERATIONS, 502, HEADERS, {"error": "no"}),
    "an error without a code": (GENERATIONS, 502, HEADERS, {"error": {"message": "no", "type": "server_error", "param": None}}),
    "a chat without a finish": ("/v1/chat/completions", 200, HEADERS, {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{}]}),
    "models without a list": ("/v1/models", 200, HEADERS, {"object": "list"}),
    "a path that is unknown": ("/v1/other", 200, HEADERS, PICTURE),
}


def test_the_check_knows_what_is_right():
    schemas.check_answer(GENERATIONS, 200, HEADERS, json.dumps(PICTURE).encode())
    schemas.check_answer(GENERATIONS, 502, HEADERS, json.dumps(ERROR).encode())


@pytest.mark.c08(37, 40, 41, 43)
@pytest.mark.parametrize("case", WRONG)
def test_the_check_knows_what_is_wrong(case):
    path, status, headers, body = WRONG[case]
    before = list(schemas.VIOLATIONS)
    schemas.note(f"POST {path}", status, headers, json.dumps(body).encode())
    found = schemas.VIOLATIONS[len(before) :]
    schemas.VIOLATIONS[:] = before
    assert len(found) == 1, "it passed"


@pytest.mark.c08(99)
def test_the_check_knows_white_space_before_an_answer():
    with pytest.raises(AssertionError, match="begins with"):
        schemas.check_answer(GENERATIONS, 200, HEADERS, b" \n" + json.dumps(PICTURE).encode())


def test_the_proxy_reads_what_passes():
    """Two requests on one connection, a body in chunks, and an answer that was cut."""
    asked = (
        b"POST /v1/images/generations?a=b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\nGET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    )
    assert list(proxies.requests_in(asked)) == [("POST", GENERATIONS), ("GET", "/v1/models"), ("GET", "/v1/models")]
    said = (
        b"HTTP/1.1 200 OK\r\nx-a: 1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut"
    )
    answers = [(status, body) for status, _, body in proxies.answers_in(said)]
    assert answers == [(200, b"abcd"), (404, b"{}")]


@pytest.mark.c08(37, 38, 44, 45, 46)
def test_every_kind_of_answer_was_checked(request):
    """The hook in the HTTP clients checks each answer that is no stream; here it tells that it was called."""
    if len(request.session.items) < 500:
        pytest.skip("only a part of the tests runs")
    for kind in (*set(schemas.PATHS.values()), "Model", "400", "401", "403", "404", "405", "413", "415", "429", "502", "503", "504"):
        assert schemas.SEEN[kind], f"no {kind} was seen"
    assert sum(schemas.SEEN.values()) > 500
