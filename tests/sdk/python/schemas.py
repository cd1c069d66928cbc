"""OpenAI's own description of its answers, and a check against it."""

import base64
import json
from collections import Counter
from pathlib import Path

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent.parent / "schemas"
_VALIDATORS: dict[str, Draft202012Validator] = {}


def check(value: object, name: str) -> None:
    """Fails with every place where `value` is not what the schema `name` says."""
    if name not in _VALIDATORS:
        schema = json.loads((FOLDER / f"{name}.json").read_text())
        Draft202012Validator.check_schema(schema)
        _VALIDATORS[name] = Draft202012Validator(schema)
    errors = [f"{error.json_path}: {error.message[:200]}" for error in _VALIDATORS[name].iter_errors(value)]
    assert not errors, "\n".join([f"not a {name}:", *errors])


def check_error(value: object) -> dict:
    """The error object with its four keys."""
    check(value, "ErrorResponse")
    error = value["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    assert error["message"].strip()
    return error


# What a Response always has, by the types of openai-python. OpenAI's description that is kept here does not have it.
RESPONSE = {
    "id", "object", "created_at", "model", "status", "output", "error", "incomplete_details", "instructions", "metadata",
    "parallel_tool_calls", "temperature", "tool_choice", "tools", "top_p",
}
# What was wrong with answers that passed by, and how many of each kind did.
VIOLATIONS: list[str] = []
SEEN: Counter[str] = Counter()
PATHS = {
    "images/generations": "ImagesResponse",
    "images/edits": "ImagesResponse",
    "images/blend": "ImagesResponse",
    "images/variations": "ImagesResponse",
    "chat/completions": "CreateChatCompletionResponse",
    "models": "ListModelsResponse",
}


def check_seen(response) -> None:
    """A hook for HTTP clients: checks an answer of `/v1`, and notes what is wrong with it."""
    request = response.request
    if request.method in ("OPTIONS", "HEAD") or not request.url.path.startswith("/v1"):
        return
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.read()
        note(f"{request.method} {request.url.path}", response.status_code, response.headers, response.content)


def note(what: str, status: int, headers, body: bytes) -> None:
    """Checks an answer that is no stream; notes instead of failing, because clients swallow what hooks raise."""
    try:
        check_answer(what.split(" ")[1], status, headers, body)
    except (AssertionError, ValueError) as error:
        VIOLATIONS.append(f"{what} answered {status}, but: {error}")


def check_answer(path: str, status: int, headers, body: bytes) -> None:
    assert headers.get("x-request-id"), "no x-request-id"
    assert headers.get("content-type") == "application/json", f"the type is {headers.get('content-type')!r}"
    assert body[:1] in (b"{", b"["), f"it begins with {body[:10]!r}"
    if "content-length" in headers:
        assert int(headers["content-length"]) == len(body)
    else:
        assert headers.get("transfer-encoding") == "chunked", "neither a length nor chunks"
    value = json.loads(body)
    if status >= 400:
        check_error(value)
        SEEN[str(status)] += 1
        return
    if status == 202:
        check_pending(value, headers)
        return
    assert status == 200
    schema = schema_of(path.removeprefix("/v1/"), value)
    assert schema, "nothing is known of this path"
    SEEN[schema] += 1
    if schema == "Response":
        missing = RESPONSE - value.keys()
        assert not missing, f"a Response without {missing}"
        return
    check(value, schema)
    if schema == "ImagesResponse":
        check_pictures(value)


def schema_of(name: str, value: dict) -> str | None:
    """What an answer is; one that is picked up is what it would have been."""
    if name.startswith("models/"):
        return "Model"
    if name == "responses" or value.get("object") == "response":
        return "Response"
    if name.startswith("images/requests/"):
        return PATHS["chat/completions" if value.get("object") == "chat.completion" else "images/generations"]
    return PATHS.get(name)


def check_pending(value: dict, headers) -> None:
    """What is told of a request that is answered later."""
    assert (value["object"], value["status"]) == ("image.request", "in_progress")
    assert type(value["created"]) is int and 0 <= value["pictures"] <= value["asked"]
    assert headers["location"] == f"/v1/images/requests/{value['id']}"
    assert int(headers["retry-after"]) >= 1


def check_pictures(value: dict) -> None:
    """What clients need beyond the schema."""
    assert type(value["created"]) is int
    assert value["data"], "no pictures"
    for item in value["data"]:
        given = [name for name in ("url", "b64_json") if item.get(name) is not None]
        assert len(given) == 1, f"an item has {given}"
        if given == ["b64_json"]:
            base64.b64decode(item["b64_json"], validate=True)
