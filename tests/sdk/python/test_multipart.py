"""Forms as real clients write them, to the byte."""

import json

import pytest
from harness import KEY, MODEL, fields_of, prompt_of
from pictures import data_uri, png, without_metadata
from schemas import check, check_error
from test_edit import files_of, sha
from wire import Part, chunked, form, send_raw

RED, GREEN, BLUE = png(colour=(255, 0, 0)), png(colour=(0, 255, 0)), png(colour=(0, 0, 255))
MASK = png(hole=True)


def post(gateway, parts, path="images/edits", quoted=False, **arguments):
    body, boundary = form(parts, **arguments)
    shown = f'"{boundary}"' if quoted else boundary
    return gateway.post(f"/v1/{path}", content=body, headers={"content-type": f"multipart/form-data; boundary={shown}"})


def words(mark: str) -> list[Part]:
    return [Part.text("prompt", mark), Part.text("model", MODEL)]


def swapped(name: str, body: bytes) -> Part:
    """Open WebUI's order of a part's headers."""
    return Part(["Content-Type: image/png", f'Content-Disposition: form-data; name="{name}"; filename="1.png"'], body)


PICTURES = {
    "image once": [Part.file("image", RED)],
    "image[] once": [Part.file("image[]", RED)],
    "image[] three times": [Part.file("image[]", RED), Part.file("image[]", GREEN), Part.file("image[]", BLUE)],
    "image three times": [Part.file("image", RED), Part.file("image", GREEN), Part.file("image", BLUE)],
    "numbered": [Part.file("image[0]", RED), Part.file("image[1]", GREEN)],
    "mixed": [Part.file("image", RED), Part.file("image[]", GREEN), Part.file("image", BLUE)],
    "type before disposition": [swapped("image[]", RED), swapped("image[]", GREEN)],
    "no type (async-openai)": [Part.file("image", RED, "in.png", None)],
    "octets (openai-python)": [Part.file("image", RED, "upload", "application/octet-stream")],
    "unknown file (openai-node)": [Part.file("image", RED, "unknown_file", "application/octet-stream")],
    "wrong type": [Part.file("image", RED, "b.webp", "image/webp")],
    "text type": [Part.file("image", RED, "b.txt", "text/plain")],
    "same names": [Part.file("image[]", RED, "blob"), Part.file("image[]", GREEN, "blob")],
    "empty name": [Part.file("image", RED, "")],
    "name in UTF-8": [Part.file("image", RED, "图 片.png")],
    "long name": [Part.file("image", RED, "n" * 300)],
    "path as name": [Part.file("image", RED, "../../a.png")],
    "no name": [Part.file("image", RED, None)],
    "no name, no type": [Part.file("image", RED, None, None)],
    "extended name": [Part(["Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"; filename*=UTF-8''%E5%9B%BE.png"], RED)],
    "lower-case headers": [Part(['content-disposition: form-data; name="image"; filename="a.png"', "content-type: image/png"], RED)],
    "name not quoted": [Part(["Content-Disposition: form-data; name=image; filename=a.png"], RED)],
}


@pytest.mark.c08(10, 11, 12, 13, 14, 15, 16, 17, 19, 20)
@pytest.mark.parametrize("where", ["fields first", "files first"])
@pytest.mark.parametrize("case", PICTURES)
def test_picture_parts(gateway, sim, mark, case, where):
    parts = PICTURES[case]
    answer = post(gateway, words(mark) + parts if where == "fields first" else parts + words(mark))
    assert answer.status_code == 200, answer.text
    check(answer.json(), "ImagesResponse")
    call = sim.one_call(mark)
    name = "image" if len(parts) == 1 else "image[]"
    assert files_of(call) == [(name, sha(part.body)) for part in parts]
    assert fields_of(call)["prompt"] == mark


@pytest.mark.c08(32)
@pytest.mark.parametrize("case", PICTURES)
def test_picture_parts_of_a_blend(gateway, sim, mark, case):
    parts = PICTURES[case]
    answer = post(gateway, parts + words(mark), "images/blend")
    assert answer.status_code == 200, answer.text
    name = "image" if len(parts) == 1 else "image[]"
    assert files_of(sim.one_call(mark)) == [(name, sha(part.body)) for part in parts]


@pytest.mark.parametrize("name", ["image", "image[]"])
@pytest.mark.parametrize("form_of", ["data uri", "bare base64", "address"])
def test_pictures_as_text(gateway, sim, mark, name, form_of):
    url = f"{sim.url}/pic/79-64x64-0.png"
    text = {"data uri": data_uri(RED), "bare base64": data_uri(RED).split(",")[1], "address": url}[form_of]
    answer = post(gateway, [*words(mark), Part.text(name, text)])
    assert answer.status_code == 200, answer.text
    data = without_metadata(sim.client.get(url).content) if form_of == "address" else RED
    assert files_of(sim.one_call(mark)) == [("image", sha(data))]


@pytest.mark.c08(18, 23)
def test_text_parts_with_a_type(gateway, sim, mark):
    typed = "Content-Type: text/plain; charset=utf-8"
    parts = [Part.text("model", MODEL, typed), Part.text("prompt", f"{mark} 中文", typed), Part.text("n", "2", typed), Part.file("image[]", RED)]
    answer = post(gateway, parts)
    assert answer.status_code == 200, answer.text
    assert len(answer.json()["data"]) == 2
    assert prompt_of(sim.calls(mark)[0]) == f"{mark} 中文"


@pytest.mark.c08(22)
@pytest.mark.parametrize(
    ("boundary", "quoted"),
    [
        ("openai-0123456789", False),
        ("----formdata-undici-012345678901", False),
        ("----WebKitFormBoundary7MA4YWxkTrZu0gW", True),
        ("=_odd:but.legal/(1)?'+,", True),
        ("b", False),
        ("x" * 70, False),
    ],
)
def test_boundaries(gateway, sim, mark, boundary, quoted):
    answer = post(gateway, [*words(mark), Part.file("image", RED)], boundary=boundary, quoted=quoted)
    assert answer.status_code == 200, answer.text
    assert files_of(sim.one_call(mark)) == [("image", sha(RED))]


@pytest.mark.c08(30)
@pytest.mark.parametrize("media_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=" + "x" * 71, "multipart/mixed; boundary=b"])
def test_types_that_are_no_form(gateway, media_type):
    answer = gateway.post("/v1/images/edits", content=b"--b--\r\n", headers={"content-type": media_type})
    assert answer.status_code in (400, 415)
    check_error(answer.json())


@pytest.mark.c08(22)
@pytest.mark.parametrize(("preamble", "epilogue"), [(b"\r\n", b""), (b"\n", b""), (b"This is a form.\r\n", b"And that was it.\r\n"), (b"", b"\r\n")])
def test_around_the_form(gateway, sim, mark, preamble, epilogue):
    answer = post(gateway, [*words(mark), Part.file("image", RED)], preamble=preamble, epilogue=epilogue)
    assert answer.status_code in (200, 400), answer.text
    if preamble != b"\n":
        assert answer.status_code == 200, answer.text


@pytest.mark.c08(24)
def test_nothing_said_by_go_openai(gateway, sim, mark):
    """It always writes these three; not set they are zero or empty."""
    nothing = [Part.text("n", "0"), Part.text("size", ""), Part.text("response_format", "")]
    answer = post(gateway, [Part.file("image", RED), Part.text("prompt", mark), *nothing])
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["data"]
    assert item["url"]
    sent = fields_of(sim.one_call(mark))
    assert (sent["n"], sent["size"]) == ("1", "1024x1024")


def test_output_compression_twice_by_async_openai(gateway, mark):
    twice = [Part.text("output_compression", "80")] * 2
    answer = post(gateway, [*words(mark), Part.text("output_format", "jpeg"), *twice, Part.file("image", RED)])
    assert answer.status_code == 200, answer.text


def test_unknown_text_parts_are_ignored(gateway, mark):
    unknown = [Part.text(name, "x") for name in ("extra_headers[a]", "aspect_ratio", "complexity", "frame_count", "safety_identifier", "图")]
    answer = post(gateway, [*words(mark), *unknown, Part.file("image", RED)])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("order", ["mask first", "mask last"])
def test_mask(gateway, sim, mark, order):
    parts = [Part.file("image", RED), Part.file("mask", MASK, "mask.png", None)]
    answer = post(gateway, words(mark) + (parts if order == "mask last" else parts[::-1]))
    assert answer.status_code == 200, answer.text
    assert files_of(sim.one_call(mark)) == [("image", sha(RED)), ("mask", sha(MASK))]


WRONG = {
    "no parts": ([], None),
    "no picture": ([Part.text("prompt", "a fox")], "image"),
    "no prompt": ([Part.file("image", RED)], "prompt"),
    "empty prompt": ([Part.file("image", RED), Part.text("prompt", "")], "prompt"),
    "empty file": ([Part.text("prompt", "a fox"), Part.file("image", b"")], "image"),
    "no picture in it": ([Part.text("prompt", "a fox"), Part.file("image", b"words", "a.png")], "image"),
    "words for a picture": ([Part.text("prompt", "a fox"), Part.text("image", "a dog?")], "image"),
    "n that is no number": ([Part.text("prompt", "a fox"), Part.text("n", "two"), Part.file("image", RED)], "n"),
    "n of 17": ([Part.text("prompt", "a fox"), Part.text("n", "17"), Part.file("image", RED)], "n"),
    "negative n": ([Part.text("prompt", "a fox"), Part.text("n", "-1"), Part.file("image", RED)], "n"),
    "odd stream": ([Part.text("prompt", "a fox"), Part.text("stream", "maybe"), Part.file("image", RED)], "stream"),
    "prompt twice": ([Part.text("prompt", "a fox"), Part.text("prompt", "a dog"), Part.file("image", RED)], "prompt"),
    "two masks": ([Part.text("prompt", "a fox"), Part.file("image", RED), Part.file("mask", MASK), Part.file("mask", MASK)], "mask"),
    "part without a name": ([Part(["Content-Disposition: form-data"], b"x"), Part.file("image", RED)], "body"),
    "part without a disposition": ([Part(["Content-Type: text/plain"], b"x"), Part.file("image", RED)], "body"),
    "base64 by transfer encoding": ([Part.text("prompt", "a fox"), Part(['Content-Disposition: form-data; name="image"; filename="a"', "Content-Transfer-Encoding: base64"], b"aGk=")], "image"),
    "a thousand parts": ([Part.text(f"field{number}", "x") for number in range(1000)], "body"),
}


@pytest.mark.c08(9, 28)
@pytest.mark.parametrize("case", WRONG)
def test_wrong_forms(gateway, case):
    parts, param = WRONG[case]
    answer = post(gateway, parts)
    assert answer.status_code == 400, answer.text
    error = check_error(answer.json())
    assert param in (None, error["param"])


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_cut_form(gateway, sim, mark, share):
    body, boundary = form([*words(mark), Part.file("image", RED)])
    answer = gateway.post("/v1/images/edits", content=body[: int(len(body) * share)], headers={"content-type": f"multipart/form-data; boundary={boundary}"})
    assert answer.status_code == 400, answer.text
    check_error(answer.json())
    assert sim.calls(mark) == []


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_chunked_without_a_length(gateway, sim, mark, size):
    body, boundary = form([Part.file("image", RED), Part.file("image[]", BLUE), *words(mark)])
    pieces = chunked([body[at : at + size] for at in range(0, len(body), size)])
    head = ["POST /v1/images/edits HTTP/1.1", "Host: gateway", f"Authorization: Bearer {KEY}", f"Content-Type: multipart/form-data; boundary={boundary}"]
    status, _, answer = send_raw(gateway.url, [*head, "Transfer-Encoding: chunked", "Connection: close"], pieces)
    assert status == 200, answer
    check(json.loads(answer), "ImagesResponse")
    assert files_of(sim.one_call(mark)) == [("image[]", sha(RED)), ("image[]", sha(BLUE))]


@pytest.mark.c08(98)
def test_names_of_headers_in_any_case(gateway, sim, mark):
    body, boundary = form([*words(mark), Part.file("image", RED)])
    head = ["POST /v1/images/edits HTTP/1.1", "hOST: gateway", f"AUTHORIZATION: Bearer {KEY}", f"content-TYPE: Multipart/Form-Data; BOUNDARY={boundary}"]
    status, _, answer = send_raw(gateway.url, [*head, f"CONTENT-length: {len(body)}", "Connection: close"], [body])
    assert status == 200, answer
    sim.one_call(mark)


def test_expect_continue(gateway, sim, mark):
    body, boundary = form([*words(mark), Part.file("image", RED)])
    head = ["POST /v1/images/edits HTTP/1.1", "Host: gateway", f"Authorization: Bearer {KEY}", f"Content-Type: multipart/form-data; boundary={boundary}"]
    status, _, answer = send_raw(gateway.url, [*head, f"Content-Length: {len(body)}", "Expect: 100-continue", "Connection: close"], [body])
    assert status in (100, 200), answer
    sim.one_call(mark)
