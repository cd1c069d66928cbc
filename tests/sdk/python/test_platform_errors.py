"""Failures of the platform behind the gateway, as a caller meets them."""

import openai
import pytest
from conftest import connect
from harness import MODEL, PLATFORM_KEY
from schemas import check_error

FINAL = {"x-should-retry": "false"}
# What the platform does; what the caller gets: class, status, code, headers.
TABLE = {
    "rate limit": ("status=429 retry-after=7", openai.RateLimitError, 429, "rate_limit_exceeded", {"retry-after": "7"}),
    "no money": ("status=402", openai.RateLimitError, 429, "insufficient_quota", FINAL),
    "quota as 429": ("status=429 code=insufficient_quota type=insufficient_quota", openai.RateLimitError, 429, "insufficient_quota", FINAL),
    "key refused": ("status=401", openai.InternalServerError, 502, "upstream_auth_error", FINAL),
    "moderation": ("moderation", openai.BadRequestError, 400, "content_policy_violation", FINAL),
    "model gone": ("status=404 code=model_not_found", openai.NotFoundError, 404, "model_not_found", {}),
    "overloaded": ("status=503", openai.InternalServerError, 503, "upstream_overloaded", {}),
    "fault": ("status=500", openai.InternalServerError, 502, "upstream_error", {}),
    "page of a firewall": ("html", openai.InternalServerError, 502, "upstream_error", {}),
    "nothing": ("empty", openai.InternalServerError, 502, "upstream_error", {}),
    "no pictures": ("empty-data", openai.InternalServerError, 502, "upstream_error", {}),
    "closed connection": ("cut=request", openai.InternalServerError, 502, "upstream_error", {}),
    "half an answer": ("cut=mid", openai.InternalServerError, 502, "upstream_error", {}),
    "half a picture": ("picture=truncated", openai.InternalServerError, 502, "upstream_error", {}),
    "page for a picture": ("picture=html", openai.InternalServerError, 502, "upstream_error", {}),
}


@pytest.mark.c08(43, 46, 49, 50, 51)
@pytest.mark.parametrize("case", TABLE)
def test_what_the_caller_gets(fresh, sim, mark, case):
    directive, kind, status, code, headers = TABLE[case]
    gateway = fresh()
    with connect(gateway) as client, pytest.raises(kind) as caught:
        client.images.generate(prompt=f"{mark} [sim {directive}]", model=MODEL)
    error, answer = caught.value, caught.value.response
    assert (error.status_code, error.code) == (status, code)
    check_error({"error": error.body})
    assert answer.headers.items() >= headers.items()
    assert answer.headers["x-img-router-provider"] == "NewApi"
    assert error.request_id
    if status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1
    for secret in (PLATFORM_KEY, sim.address, "<html", "panicked", ".rs:"):
        assert secret not in answer.text
    assert 1 <= len(sim.calls(mark)) <= 2


@pytest.mark.c08(51)
def test_words_of_the_platform_are_kept_and_cleaned(fresh, mark):
    words = f"status=400 message=prompt_too_daring_for_{PLATFORM_KEY} param=prompt"
    with connect(fresh()) as client, pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(prompt=f"{mark} [sim {words}]", model=MODEL)
    assert "too daring" in caught.value.message
    assert PLATFORM_KEY not in caught.value.message
    assert caught.value.param == "prompt"


def test_deadline(fresh, sim, mark):
    gateway = fresh(env={"IMG_ROUTER_ROUTING_DEADLINE": "5"})
    with connect(gateway) as client, pytest.raises(openai.InternalServerError) as caught:
        client.images.generate(prompt=f"{mark} [sim delay=20000]", model=MODEL)
    assert (caught.value.status_code, caught.value.code) == (504, "upstream_timeout")
    # The platform may have drawn: a repetition would be paid for.
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert len(sim.calls(mark)) == 1


def test_after_the_only_key_was_refused(fresh, sim, mark):
    with connect(fresh()) as client:
        with pytest.raises(openai.InternalServerError):
            client.images.generate(prompt=f"{mark} [sim status=401]", model=MODEL)
        with pytest.raises(openai.InternalServerError) as caught:
            client.images.generate(prompt=mark, model=MODEL)
    assert (caught.value.status_code, caught.value.code) == (503, "no_available_key")
    assert len(sim.calls(mark)) == 1


@pytest.mark.c08(49)
def test_cooling_key_says_when(fresh, sim, mark):
    with connect(fresh()) as client:
        for _ in range(2):
            with pytest.raises(openai.APIStatusError) as caught:
                client.images.generate(prompt=f"{mark} [sim status=429 retry-after=100]", model=MODEL)
    assert 90 <= int(caught.value.response.headers["retry-after"]) <= 100
    assert len(sim.calls(mark)) == 1, "a cooling key is left alone"


@pytest.mark.c08(49, 50)
@pytest.mark.parametrize("directive", ["moderation", "status=402", "status=401", "status=404 code=model_not_found"])
def test_clients_do_not_repeat_what_is_final(fresh, sim, mark, directive):
    sent = []
    hooks = openai.DefaultHttpxClient(event_hooks={"request": [sent.append]}, trust_env=False)
    with connect(fresh(), max_retries=2, http_client=hooks) as client, pytest.raises(openai.APIStatusError):
        client.images.generate(prompt=f"{mark} [sim {directive}]", model=MODEL)
    assert len(sent) == 1
    assert len(sim.calls(mark)) == 1


@pytest.mark.c08(49)
def test_clients_repeat_what_passes(gateway, sim, mark):
    """An overloaded platform: the gateway says when, the client comes back, and it works."""
    sim.script({"when": {"prompt": mark}, "times": 1, "then": "status=503 retry-after=1"})
    with connect(gateway, max_retries=2) as client:
        assert client.images.generate(prompt=mark, model=MODEL).data
    assert len(sim.calls(mark)) == 2


def test_second_key_takes_over(fresh, sim, mark):
    sim.script({"when": {"prompt": mark, "nth": 1}, "then": "status=429 retry-after=60"})
    gateway = fresh(keys=2)
    with connect(gateway) as client:
        raw = client.images.with_raw_response.generate(prompt=mark, model=MODEL)
    assert raw.headers["x-img-router-attempts"] == "2"
    assert len({call["key"] for call in sim.calls(mark)}) == 2


def test_error_lists_its_attempts(fresh, mark):
    with connect(fresh(keys=2)) as client, pytest.raises(openai.RateLimitError) as caught:
        client.images.generate(prompt=f"{mark} [sim status=429 retry-after=60]", model=MODEL)
    attempts = caught.value.body["attempts"]
    assert [(attempt["provider"], attempt["model"], attempt["code"]) for attempt in attempts] == [("NewApi", MODEL, caught.value.code)] * 2
