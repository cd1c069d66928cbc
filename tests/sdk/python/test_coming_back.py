"""Callers who come back: the same request once only, answered later, and picked up by its id."""

import openai
import pytest
from harness import MODEL, wait_until

B64 = "b64_json"


@pytest.fixture
def client(gateway):
    with openai.OpenAI(api_key=gateway.key, base_url=gateway.v1, max_retries=2) as client:
        yield client


def draw(client, mark, key, **more):
    return client.images.generate(prompt=mark, model=MODEL, response_format=B64, extra_headers={"idempotency-key": f"{mark} {key}"}, **more)


def test_same_request_is_drawn_once(client, sim, mark):
    [first], [second] = draw(client, mark, "a").data, draw(client, mark, "a").data
    assert first.b64_json == second.b64_json
    sim.one_call(mark)
    with pytest.raises(openai.UnprocessableEntityError) as refused:
        draw(client, mark, "a", n=2)
    assert (refused.value.code, refused.value.param) == ("idempotency_key_reused", "Idempotency-Key")
    sim.one_call(mark)


def test_answered_later(client, gateway, sim, mark):
    """The first answer is no picture; the second one is what the SDK knows."""
    asked = client.images.with_raw_response.generate(
        prompt=f"{mark} [sim delay=600]", model=MODEL, response_format=B64, extra_headers={"prefer": "respond-async"}
    )
    assert asked.http_response.status_code == 202
    place, wait = asked.headers["location"], int(asked.headers["retry-after"])
    assert wait >= 1
    assert place == f"/v1/images/requests/{asked.headers['x-request-id']}"
    path = place.removeprefix("/v1")

    def ended():
        return client.get(path, cast_to=openai.types.ImagesResponse).data

    wait_until("it is drawn", ended, 20)
    [item] = client.get(path, cast_to=openai.types.ImagesResponse).data
    assert item.b64_json
    sim.one_call(mark)


def test_failure_is_told_later_as_it_would_have_been(client, mark):
    asked = client.images.with_raw_response.generate(
        prompt=f"{mark} [sim moderation delay=600]", model=MODEL, extra_headers={"prefer": "respond-async"}
    )
    path = asked.headers["location"].removeprefix("/v1")

    def refused():
        try:
            return client.get(path, cast_to=openai.types.ImagesResponse) is None
        except openai.BadRequestError as error:
            return error.code == "content_policy_violation"

    wait_until("it is refused", refused, 20)


def test_nobody_else_finds_it(client, gateway, mark):
    headers = {"x-request-id": f"mine-{abs(hash(mark))}"}
    client.images.generate(prompt=mark, model=MODEL, extra_headers=headers)
    path = f"/images/requests/{headers['x-request-id']}"
    assert client.get(path, cast_to=openai.types.ImagesResponse).data
    with openai.OpenAI(api_key="sk-newapi-of-somebody-else", base_url=gateway.v1, max_retries=0) as stranger:
        with pytest.raises(openai.NotFoundError):
            stranger.get(path, cast_to=openai.types.ImagesResponse)
