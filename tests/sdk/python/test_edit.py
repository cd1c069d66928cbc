"""`images.edit`, `create_variation` and blending: how pictures come in."""

import hashlib
import io
import warnings
from pathlib import Path

import openai
import pytest
from harness import MODEL, fields_of, prompt_of
from pictures import data_uri, look, png, without_metadata
from schemas import check, check_error
from test_generate import bytes_of

RED, GREEN, BLUE = png(colour=(255, 0, 0)), png(colour=(0, 255, 0)), png(colour=(0, 0, 255))
MASK = png(hole=True)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_of(call: dict, name: str | None = None) -> list[tuple[str, str]]:
    """Name and hash of the files that reached the platform, in order."""
    return [(file["name"], file["sha256"]) for file in call["body"]["files"] if name in (None, file["name"])]


class Named(io.BytesIO):
    name = "holiday.png"


@pytest.fixture
def path(tmp_path) -> Path:
    file = tmp_path / "otter.png"
    file.write_bytes(RED)
    return file


FORMS = {
    "bytes": lambda _: RED,
    "file object": lambda path: path.open("rb"),
    "path": lambda path: path,
    "memory": lambda _: io.BytesIO(RED),
    "named memory": lambda _: Named(RED),
    "tuple without type": lambda _: ("otter.png", RED),
    "tuple with a wrong name": lambda _: ("otter.webp", RED),
    "tuple with a wrong type": lambda _: ("otter", RED, "image/jpeg"),
    "tuple of octets": lambda _: ("blob", RED, "application/octet-stream"),
    "name in UTF-8": lambda _: ("水獭.png", RED, "image/png"),
    "list of one": lambda _: [RED],
}


@pytest.mark.c08(10, 11, 19, 38)
@pytest.mark.parametrize("form", FORMS)
def test_one_picture(client, gateway, sim, mark, path, form):
    raw = client.images.with_raw_response.edit(image=FORMS[form](path), prompt=mark, model=MODEL)
    check(raw.http_response.json(), "ImagesResponse")
    assert look(bytes_of(gateway, raw.parse().data[0])).format == "png"
    call = sim.one_call(mark)
    assert call["path"] == "/v1/images/edits"
    assert files_of(call) == [("image", sha(RED))]
    # Some relays refuse octets, so the type is the one that the bytes have.
    assert call["body"]["files"][0]["content_type"] == "image/png"


@pytest.mark.c08(12)
def test_several_pictures_keep_their_order(client, sim, mark):
    client.images.edit(image=[GREEN, ("b.png", RED), io.BytesIO(BLUE)], prompt=mark, model=MODEL)
    call = sim.one_call(mark)
    assert files_of(call) == [("image[]", sha(GREEN)), ("image[]", sha(RED)), ("image[]", sha(BLUE))]
    assert fields_of(call)["prompt"] == mark


@pytest.mark.c08(3, 4)
@pytest.mark.parametrize(("model", "given"), [("gpt-image-1", "b64_json"), ("dall-e-3", "url"), (MODEL, "url")])
def test_form_of_the_answer(client, mark, model, given):
    [item] = client.images.edit(image=RED, prompt=mark, model=model).data
    assert [name for name in ("url", "b64_json") if getattr(item, name)] == [given]


def test_three_edits(client, sim, mark):
    answer = client.images.edit(image=RED, prompt=mark, model="gpt-image-1", n=3)
    assert len({item.b64_json for item in answer.data}) == 3
    assert [files_of(call) for call in sim.calls(mark)] == [[("image", sha(RED))]] * 3


@pytest.mark.c08(26)
def test_mask_reaches_the_platform(client, sim, mark):
    client.images.edit(image=RED, mask=MASK, prompt=mark, model=MODEL)
    assert files_of(sim.one_call(mark)) == [("image", sha(RED)), ("mask", sha(MASK))]


def test_built_in_platform_edits_within_the_mask(demo_client, mark):
    def draw(**more):
        ask = {"image": RED, "prompt": mark, "model": "gpt-image-1", "extra_body": {"seed": 1}}
        answer = demo_client.images.edit(**ask, **more)
        return answer.data[0].b64_json

    assert draw() == draw()
    assert draw(mask=MASK) != draw()


def test_wishes_of_an_edit(client, sim, mark):
    wishes = {"quality": "high", "size": "1536x1024", "background": "opaque", "output_format": "jpeg", "output_compression": 70}
    answer = client.images.edit(image=RED, prompt=mark, model="gpt-image-1", input_fidelity="high", user="someone", **wishes)
    assert (answer.size, answer.output_format, answer.quality, answer.background) == ("1536x1024", "jpeg", "high", "opaque")
    sent = fields_of(sim.one_call(mark))
    assert {name: sent[name] for name in wishes} == {name: str(value) for name, value in wishes.items()}
    assert sent["input_fidelity"] == "high"


SMALL = png(side=16, hole=True)
REFUSED = {
    "mask of another size": ({"image": RED, "mask": SMALL}, "mask", "invalid_request_error"),
    "mask without holes": ({"image": RED, "mask": GREEN}, "mask", "invalid_request_error"),
    "mask that is none": ({"image": RED, "mask": b"no picture at all"}, "mask", "invalid_image_file"),
    "text file": ({"image": ("a.png", b"no picture at all", "image/png")}, "image", "invalid_image_file"),
    "cut picture": ({"image": RED[:-20]}, "image", "invalid_image_file"),
    "empty file": ({"image": b""}, "image", "invalid_image_file"),
    "vector drawing": ({"image": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, "image", "unsupported_image_type"),
    "seventeen pictures": ({"image": [RED] * 17}, "image", "invalid_request_error"),
    "no words": ({"image": RED, "prompt": ""}, "prompt", "invalid_request_error"),
    "n of 17": ({"image": RED, "n": 17}, "n", "invalid_request_error"),
    "odd size": ({"image": RED, "size": "large"}, "size", "invalid_request_error"),
}


@pytest.mark.c08(9, 26, 27, 28)
@pytest.mark.parametrize("case", REFUSED)
def test_refusals(client, sim, mark, case):
    ask, param, code = REFUSED[case]
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(**({"prompt": mark, "model": MODEL} | ask))
    check_error({"error": caught.value.body})
    assert caught.value.param.removesuffix("[]") == param
    assert caught.value.code == code
    assert sim.calls(mark) == []


@pytest.mark.c08(26)
def test_mask_without_a_picture(gateway, mark):
    answer = gateway.post("/v1/images/edits", data={"prompt": mark}, files={"mask": ("mask.png", MASK)})
    assert (answer.status_code, check_error(answer.json())["param"]) == (400, "image")


@pytest.mark.parametrize("count", [11, 16])
def test_more_pictures_than_any_platform_takes(client, sim, mark, count):
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=[RED] * count, prompt=mark, model=MODEL)
    assert caught.value.param == "image"
    assert "10" in caught.value.message
    assert sim.calls(mark) == []


def test_sixteen_pictures_where_they_are_taken(demo_client, mark):
    assert demo_client.images.edit(image=[RED] * 16, prompt=mark).data


@pytest.mark.c08(29)
@pytest.mark.parametrize(
    "ask",
    [
        {"images": [{"image_url": data_uri(RED)}]},
        {"images": [data_uri(RED)]},
        {"image": data_uri(RED)},
        {"image": data_uri(RED).split(",")[1]},
        {"image": [data_uri(RED)]},
        {"images": [{"image_url": {"url": data_uri(RED)}}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": data_uri(RED)}}]}]},
    ],
    ids=["image_url", "strings", "image", "bare base64", "list", "nested", "messages"],
)
def test_edit_as_json(gateway, sim, mark, ask):
    answer = gateway.post("/v1/images/edits", json={"prompt": mark, "model": MODEL} | ask)
    assert answer.status_code == 200, answer.text
    check(answer.json(), "ImagesResponse")
    assert files_of(sim.one_call(mark)) == [("image", sha(RED))]


@pytest.mark.c08(29)
def test_edit_as_json_with_mask_and_order(gateway, sim, mark):
    images = [{"image_url": data_uri(BLUE)}, {"image_url": data_uri(RED)}]
    ask = {"prompt": mark, "model": MODEL, "images": images, "mask": {"image_url": data_uri(MASK)}}
    answer = gateway.post("/v1/images/edits", json=ask)
    assert answer.status_code == 200, answer.text
    assert files_of(sim.one_call(mark)) == [("image[]", sha(BLUE)), ("image[]", sha(RED)), ("mask", sha(MASK))]


@pytest.mark.c08(29)
def test_picture_from_an_allowed_address(gateway, sim, mark):
    url = f"{sim.url}/pic/77-64x64-0.png"
    answer = gateway.post("/v1/images/edits", json={"prompt": mark, "model": MODEL, "images": [{"image_url": url}]})
    assert answer.status_code == 200, answer.text
    assert files_of(sim.one_call(mark)) == [("image", sha(without_metadata(sim.client.get(url).content)))]


BAD_JSON = {
    "both keys": ({"images": [{"image_url": data_uri(RED), "file_id": "file-1"}]}, "images[0]", None),
    "file id": ({"images": [{"file_id": "file-1"}]}, "images[0]", "unsupported_parameter"),
    "file scheme": ({"image": "file:///etc/passwd"}, "image", "url_not_allowed"),
    "loopback": ({"image": "http://127.0.0.1:1/a.png"}, "image", None),
    "metadata service": ({"image": "http://169.254.169.254/latest/meta-data"}, "image", None),
    "bad base64": ({"image": "data:image/png;base64,%%%%"}, "image", None),
    "wrong label": ({"image": data_uri(RED, "image/webp")}, "image", "invalid_image_file"),
    "number": ({"image": 7}, "image", "invalid_request_error"),
    "nothing": ({}, "image", "invalid_request_error"),
    "empty list": ({"images": []}, "image", "invalid_request_error"),
}


@pytest.mark.c08(29)
@pytest.mark.parametrize("case", BAD_JSON)
def test_json_refusals(gateway, sim, mark, case):
    ask, param, code = BAD_JSON[case]
    answer = gateway.post("/v1/images/edits", json={"prompt": mark, "model": MODEL} | ask)
    assert answer.status_code == 400, answer.text
    error = check_error(answer.json())
    assert error["param"] == param
    assert code in (None, error["code"])
    assert sim.calls(mark) == []


@pytest.mark.c08(33)
def test_variation(client, gateway, sim):
    picture = png(side=40)
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        answer = client.images.create_variation(image=picture, model=MODEL, response_format="url", size="512x512")
    seen = look(bytes_of(gateway, answer.data[0]))
    assert seen.width == 512
    calls = [call for call in sim.calls("") if call["body"]["kind"] == "form" and files_of(call) == [("image", sha(picture))]]
    assert [call["path"] for call in calls] == ["/v1/images/edits"]
    assert "variation" in prompt_of(calls[0])


BLENDS = {
    "messages": lambda mark: {"messages": [{"role": "user", "content": [{"type": "text", "text": mark}, part(RED), part(BLUE)]}]},
    "prompt and images": lambda mark: {"prompt": mark, "images": [data_uri(RED), {"image_url": data_uri(BLUE)}]},
    "over several messages": lambda mark: {
        "messages": [
            {"role": "user", "content": [part(RED)]},
            {"role": "assistant", "content": "What shall I do with it?"},
            {"role": "user", "content": [{"type": "text", "text": mark}, part(BLUE)]},
        ]
    },
}


def part(picture: bytes) -> dict:
    return {"type": "image_url", "image_url": {"url": data_uri(picture)}}


@pytest.mark.c08(32)
@pytest.mark.parametrize("form", BLENDS)
def test_blend(gateway, sim, mark, form):
    answer = gateway.post("/v1/images/blend", json=BLENDS[form](mark) | {"model": MODEL})
    assert answer.status_code == 200, answer.text
    check(answer.json(), "ImagesResponse")
    assert files_of(sim.one_call(mark)) == [("image[]", sha(RED)), ("image[]", sha(BLUE))]


@pytest.mark.c08(32)
def test_blend_as_a_form(gateway, sim, mark):
    files = [("image", ("blob", RED)), ("image[]", ("blob", BLUE))]
    answer = gateway.post("/v1/images/blend", data={"prompt": mark, "model": MODEL}, files=files)
    assert answer.status_code == 200, answer.text
    assert files_of(sim.one_call(mark)) == [("image[]", sha(RED)), ("image[]", sha(BLUE))]


@pytest.mark.c08(32)
@pytest.mark.parametrize("ask", [{"messages": []}, {"prompt": "no pictures"}, {"messages": "no list"}, {}], ids=str)
def test_blend_of_nothing(gateway, ask):
    answer = gateway.post("/v1/images/blend", json=ask)
    assert answer.status_code == 400, answer.text
    assert check_error(answer.json())["param"]
