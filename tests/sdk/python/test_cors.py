"""What a browser needs."""

import pytest
from harness import MAX_BODY, MODEL
from schemas import check_error

ORIGIN = "https://app.example"
# What openai-node asks for in a page.
ASKED = (
    "authorization,content-type,x-stainless-arch,x-stainless-lang,x-stainless-os,x-stainless-package-version,"
    "x-stainless-retry-count,x-stainless-runtime,x-stainless-runtime-version"
)
ROUTES = ["images/generations", "images/edits", "images/blend", "images/variations", "chat/completions", "models", "models/auto"]


def check_open(answer) -> None:
    assert answer.headers["access-control-allow-origin"] == "*"
    exposed = answer.headers["access-control-expose-headers"].lower().replace(" ", "").split(",")
    assert {"x-request-id", "retry-after", "x-img-router-provider", "x-img-router-model", "x-img-router-attempts"} <= set(exposed)


@pytest.mark.c08(73)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("asked", [ASKED, "authorization, openai-organization, http-referer, x-title, api-key", None])
def test_preflight(gateway, route, asked):
    method = "GET" if route.startswith("models") else "POST"
    headers = {"origin": ORIGIN, "access-control-request-method": method}
    if asked:
        headers["access-control-request-headers"] = asked
    answer = gateway.client.options(f"/v1/{route}", headers=headers)
    assert answer.status_code in (200, 204)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers.get("access-control-allow-headers", "") == (asked or "")
    assert method in answer.headers["access-control-allow-methods"]
    assert int(answer.headers["access-control-max-age"]) > 0


@pytest.mark.c08(73)
def test_options_without_a_preflight(gateway):
    assert gateway.client.options("/v1/images/generations").status_code in (200, 204)


@pytest.mark.c08(74, 75)
@pytest.mark.parametrize(
    ("status", "ask"),
    [
        (200, {"json": {"prompt": "a fox", "model": MODEL}}),
        (400, {"json": {"prompt": ""}}),
        (401, {"json": {"prompt": "a fox"}, "headers": {"authorization": "Bearer wrong"}}),
        (413, {"json": {"prompt": "x" * MAX_BODY}}),
        (415, {"content": b"a fox", "headers": {"content-type": "text/plain"}}),
    ],
)
def test_answers_and_errors(gateway, status, ask):
    ask["headers"] = {"origin": ORIGIN} | ask.get("headers", {})
    answer = gateway.post("/v1/images/generations", **ask)
    assert answer.status_code == status
    check_open(answer)
    assert answer.headers["x-request-id"]
    if status != 200:
        check_error(answer.json())


@pytest.mark.c08(74)
def test_errors_of_the_platform(gateway, sim, mark):
    answer = gateway.post("/v1/images/generations", json={"prompt": f"{mark} [sim moderation]"}, headers={"origin": ORIGIN})
    assert answer.status_code == 400
    check_open(answer)


@pytest.mark.c08(74)
@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/images/generations"])
def test_paths_and_methods(gateway, path):
    answer = gateway.client.get(path, headers={"origin": ORIGIN})
    assert answer.status_code in (404, 405)
    check_open(answer)


@pytest.mark.c08(74)
def test_streams(gateway, mark):
    for path, ask in [("images/generations", {"prompt": mark}), ("chat/completions", {"messages": [{"role": "user", "content": mark}]})]:
        answer = gateway.post(f"/v1/{path}", json=ask | {"stream": True, "model": MODEL}, headers={"origin": ORIGIN})
        assert answer.headers["content-type"].startswith("text/event-stream")
        check_open(answer)


@pytest.mark.c08(74)
def test_pictures(gateway, mark):
    url = gateway.post("/v1/images/generations", json={"prompt": mark, "model": MODEL}).json()["data"][0]["url"]
    assert gateway.client.get(url, headers={"origin": ORIGIN}).headers["access-control-allow-origin"] == "*"


@pytest.mark.c08(76)
@pytest.mark.parametrize("path", ["/api/config", "/api/login", "/health", "/ready", "/"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_nothing_else_is_open(gateway, method, path):
    headers = {"origin": ORIGIN, "access-control-request-method": "GET"}
    answer = gateway.client.request(method, path, headers=headers)
    assert "access-control-allow-origin" not in answer.headers


def test_switched_off(fresh):
    gateway = fresh(env={"IMG_ROUTER_SYSTEM_CORS": "false"})
    answer = gateway.client.get("/v1/models", headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers


def test_only_named_origins(fresh):
    gateway = fresh(env={"IMG_ROUTER_SECURITY_CORS_ORIGINS": ORIGIN})
    good = gateway.client.get("/v1/models", headers={"origin": ORIGIN})
    bad = gateway.client.get("/v1/models", headers={"origin": "https://evil.example"})
    assert good.headers["access-control-allow-origin"] == ORIGIN
    assert "origin" in good.headers["vary"].lower()
    assert "access-control-allow-origin" not in bad.headers
