"""Stored pictures: fetched without a key, as browsers and applications do."""

import base64
import re

import pytest
from harness import MODEL

NAME = re.compile(r"/storage/\d{8}T\d{6}-[0-9a-f]{32}\.png$")


@pytest.fixture(scope="module")
def link(client) -> str:
    return client.images.generate(prompt="a picture to fetch", model=MODEL).data[0].url


@pytest.mark.c08(2)
def test_bytes_are_those_of_the_answer(gateway, sim, mark):
    """A picture that the platform serves itself tells what the bytes must be."""
    answer = gateway.post("/v1/images/generations", json={"prompt": f"{mark} [sim url]", "model": MODEL, "response_format": "b64_json"})
    data = base64.b64decode(answer.json()["data"][0]["b64_json"])
    [sidecar] = gateway.sidecars(mark)
    stored = sidecar.with_name(sidecar.name.removesuffix(".json"))
    fetched = gateway.client.get(f"/storage/{stored.name}")
    assert fetched.content == stored.read_bytes() == data


@pytest.mark.c08(71, 74)
def test_headers(gateway, link):
    assert NAME.search(link), link
    answer = gateway.client.get(link)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "max-age" in answer.headers["cache-control"]
    assert answer.headers["etag"].startswith('"')


@pytest.mark.c08(2, 71)
@pytest.mark.parametrize("headers", [{"authorization": "Bearer somebody's key"}, {"authorization": "Basic x"}, {"api-key": "x"}, {"x-custom": "y"}])
def test_headers_of_the_caller_do_not_matter(gateway, link, headers):
    assert gateway.client.get(link, headers=headers).content == gateway.client.get(link).content


@pytest.mark.c08(71)
def test_etag(gateway, link):
    etag = gateway.client.get(link).headers["etag"]
    again = gateway.client.get(link, headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert gateway.client.get(link, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.c08(71)
def test_head(gateway, link):
    whole, head = gateway.client.get(link), gateway.client.head(link)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag"):
        assert head.headers[name] == whole.headers[name]


@pytest.mark.c08(71)
@pytest.mark.parametrize(("asked", "first", "last"), [("bytes=0-99", 0, 99), ("bytes=100-", 100, -1), ("bytes=-50", -50, -1)])
def test_ranges(gateway, link, asked, first, last):
    whole = gateway.client.get(link).content
    size = len(whole)
    first, last = first % size, last % size
    answer = gateway.client.get(link, headers={"range": asked})
    assert answer.status_code == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
    assert answer.content == whole[first : last + 1]


def test_range_beyond_the_end(gateway, link):
    size = len(gateway.client.get(link).content)
    answer = gateway.client.get(link, headers={"range": f"bytes={size}-"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")


def test_range_of_another_version(gateway, link):
    answer = gateway.client.get(link, headers={"range": "bytes=0-9", "if-range": '"other"'})
    assert answer.status_code == 200


@pytest.mark.parametrize("name", ["nothing.png", "..%2Fimg-router.db", "%2e%2e/secret.key", "2026-11-22", ""])
def test_names_that_are_none(gateway, name):
    answer = gateway.client.get(f"{gateway.url}/storage/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_every_picture_has_a_link_of_its_own(client, gateway, mark):
    first = client.images.generate(prompt=f"{mark} 1", model=MODEL).data[0].url
    second = client.images.generate(prompt=f"{mark} 2", model=MODEL).data[0].url
    assert first != second
    assert gateway.client.get(first).content != gateway.client.get(second).content


def test_setting_asks_for_a_key(fresh, mark):
    gateway = fresh(env={"IMG_ROUTER_STORAGE_REQUIRE_AUTH": "true"})
    body = gateway.post("/v1/images/generations", json={"prompt": mark, "model": MODEL}).json()
    # A link that needs the caller's key is none for most clients.
    assert body["data"][0]["url"].startswith("data:image/png;base64,")
    [sidecar] = gateway.sidecars(mark)
    path = f"/storage/{sidecar.name.removesuffix('.json')}"
    assert gateway.client.get(path).status_code == 401
    assert gateway.client.get(path, headers={"authorization": f"Bearer {gateway.key}"}).status_code == 200
