"""`images.generate`: what it sends, and what comes back."""

import base64
import json

import pytest
from harness import MODEL, fields_of
from pictures import look
from schemas import check


def bytes_of(gateway, item) -> bytes:
    """The picture of an item, wherever it is."""
    assert (item.url is None) != (item.b64_json is None), "exactly one of url and b64_json"
    if item.b64_json is not None:
        return base64.b64decode(item.b64_json, validate=True)
    if item.url.startswith("data:"):
        return base64.b64decode(item.url.split(",", 1)[1], validate=True)
    return gateway.client.get(item.url).content


@pytest.mark.c08(1, 2, 3, 4, 38, 40, 44, 45)
@pytest.mark.parametrize(
    ("model", "asked", "given"),
    [
        (None, None, "url"),
        ("auto", None, "url"),
        (MODEL, None, "url"),
        (f"newapi/{MODEL}", None, "url"),
        ("dall-e-3", None, "url"),
        ("gpt-image-1", None, "b64_json"),
        ("gpt-image-2", None, "b64_json"),
        ("gpt-image-nobody-knows", None, "b64_json"),
        ("chatgpt-image-latest", None, "b64_json"),
        ("gpt-image-1", "url", "url"),
        ("gpt-image-1", "b64_json", "b64_json"),
        (MODEL, "url", "url"),
        (MODEL, "b64_json", "b64_json"),
    ],
)
def test_form_of_the_answer(client, gateway, sim, mark, model, asked, given):
    ask = {"model": model, "response_format": asked}
    raw = client.images.with_raw_response.generate(prompt=mark, **{name: value for name, value in ask.items() if value})
    check(raw.http_response.json(), "ImagesResponse")
    answer = raw.parse()
    [item] = answer.data
    assert getattr(item, given) is not None
    seen = look(bytes_of(gateway, item))
    assert (seen.format, f"{seen.width}x{seen.height}") == (answer.output_format, answer.size) == ("png", "1024x1024")
    assert isinstance(raw.http_response.json()["created"], int)
    assert raw.headers["content-type"] == "application/json"
    assert raw.headers["x-request-id"]
    assert [raw.headers[f"x-img-router-{name}"] for name in ("provider", "model", "attempts")] == ["NewApi", MODEL, "1"]
    call = sim.one_call(mark)
    assert (call["path"], fields_of(call)["model"]) == ("/v1/images/generations", MODEL)


@pytest.mark.c08(8)
def test_three_pictures(client, gateway, sim, mark):
    answer = client.images.generate(prompt=mark, model=MODEL, n=3)
    pictures = {bytes_of(gateway, item) for item in answer.data}
    assert len(answer.data) == len(pictures) == 3
    # The card of this platform says one picture a call.
    assert [fields_of(call)["n"] for call in sim.calls(mark)] == [1, 1, 1]


def test_more_pictures_than_one_key_draws_at_once(client, mark):
    answer = client.images.generate(prompt=mark, model="gpt-image-1", n=6)
    assert len({item.b64_json for item in answer.data}) == 6


@pytest.mark.c08(8)
def test_fewer_pictures_never_without_a_sign(client, sim, mark):
    sim.script({"when": {"prompt": mark, "nth": 2}, "times": 1, "then": "moderation"})
    raw = client.images.with_raw_response.generate(prompt=mark, model=MODEL, n=3)
    body = raw.http_response.json()
    check(body, "ImagesResponse")
    assert len(body["data"]) == 2
    assert body["warnings"] and "2 of 3" in body["warnings"][0]
    assert "2 of 3" in raw.headers["x-img-router-warning"]


@pytest.mark.parametrize(("asked", "given"), [("url", "url"), (None, "url"), ("b64_json", "b64_json")])
def test_platform_that_gives_addresses(client, gateway, sim, mark, asked, given):
    ask = {"response_format": asked} if asked else {}
    [item] = client.images.generate(prompt=f"{mark} [sim url]", model=MODEL, **ask).data
    assert getattr(item, given) is not None
    assert look(bytes_of(gateway, item)).format == "png"
    if given == "url":
        assert item.url.startswith(f"{sim.url}/pic/")


@pytest.mark.c08(41)
def test_base64_is_plain(client, mark):
    [item] = client.images.generate(prompt=mark, model="gpt-image-1").data
    assert item.b64_json.startswith("iVBORw0KGgo")
    assert not set(item.b64_json) & set("\r\n -_:")


@pytest.mark.c08(41)
@pytest.mark.parametrize("size", ["20KB", "200KB"])
@pytest.mark.parametrize("coding", ["data-uri", "unpadded", "wrapped", "url-safe"])
def test_base64_is_plain_whatever_the_platform_writes(client, gateway, mark, coding, size):
    [item] = client.images.generate(prompt=f"{mark} [sim coding={coding} bytes={size}]", model="gpt-image-1").data
    assert look(bytes_of(gateway, item)).format == "png"
    assert item.b64_json.startswith("iVBORw0KGgo")


@pytest.mark.c08(5)
def test_null_means_absent(client, mark):
    names = "model n size quality response_format output_format output_compression background moderation style user stream partial_images seed"
    nothing = dict.fromkeys(names.split())
    [item] = client.images.generate(prompt=mark, extra_body=nothing).data
    assert item.url


@pytest.mark.c08(6)
def test_unknown_fields_are_ignored(client, sim, mark):
    odd = {
        "extra_headers": {"x-a": "b"},
        "aspect_ratio": "16:9",
        "seed": 7,
        "steps": 8,
        "frame_count": 1,
        "frame_duration_ms": 40,
        "complexity": "low",
        "svg": {"minify": True},
        "safety_identifier": "someone",
        "list": [1, {"a": None}],
    }
    [item] = client.images.generate(prompt=mark, model=MODEL, extra_body=odd).data
    assert item.url
    sent = fields_of(sim.one_call(mark))
    assert (sent["seed"], sent["prompt"], sent["n"]) == (7, mark, 1)


WISHES = [
    *({"quality": quality} for quality in ("standard", "hd", "low", "medium", "high", "auto", "xhigh", "max")),
    *({"size": size} for size in ("auto", "1536x1024", "1024x1536", "512x512", "16:9", "2K")),
    *({"style": style} for style in ("vivid", "natural")),
    *({"moderation": moderation} for moderation in ("low", "auto")),
    *({"background": background} for background in ("auto", "opaque", "transparent")),
    *({"output_format": output} for output in ("png", "jpeg")),
    {"output_format": "jpeg", "output_compression": 50},
    {"user": "someone"},
]


@pytest.mark.c08(7, 38, 40)
@pytest.mark.parametrize("wish", WISHES, ids=json.dumps)
def test_wishes_are_taken(client, mark, wish):
    raw = client.images.with_raw_response.generate(prompt=mark, model="gpt-image-1", **wish)
    check(raw.http_response.json(), "ImagesResponse")
    answer = raw.parse()
    seen = look(base64.b64decode(answer.data[0].b64_json, validate=True))
    assert seen.format == answer.output_format == wish.get("output_format", "png")
    if "x" in wish.get("size", ""):
        assert f"{seen.width}x{seen.height}" == wish["size"]


@pytest.mark.c08(40)
@pytest.mark.parametrize("output", ["png", "jpeg", "webp"])
def test_formats_of_the_built_in_platform(demo_client, mark, output):
    answer = demo_client.images.generate(prompt=mark, model="gpt-image-1", output_format=output, size="256x256")
    assert look(base64.b64decode(answer.data[0].b64_json, validate=True)).format == answer.output_format == output


@pytest.mark.c08(23)
def test_prompt_arrives_as_it_was_written(client, sim, mark):
    prompt = f'{mark} 一只狐狸 🦊 "quoted" \\ line\nbreak\ttab \u2028 </script>'
    client.images.generate(prompt=prompt, model=MODEL)
    assert fields_of(sim.one_call(mark))["prompt"] == prompt


@pytest.mark.c08(93)
def test_api_version_in_the_query_is_ignored(client, mark):
    assert client.images.generate(prompt=mark, extra_query={"api-version": "2025-04-01-preview"}).data


@pytest.mark.c08(70, 72)
def test_without_a_public_address_the_url_is_a_data_uri(demo_client, demo, mark):
    [item] = demo_client.images.generate(prompt=mark, size="256x256").data
    assert item.url.startswith("data:image/png;base64,")
    assert look(bytes_of(demo, item)).width == 256


def test_demo_draws_other_pictures_for_other_prompts(demo_client, mark):
    def draw(prompt):
        return demo_client.images.generate(prompt=prompt, model="gpt-image-1", size="128x128").data[0].b64_json

    assert draw(f"{mark} one") != draw(f"{mark} two")
