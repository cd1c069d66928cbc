"""Every client does every feature that it has, on a gateway of its own."""

import base64
from concurrent.futures import ThreadPoolExecutor

import pytest
from drivers import BLUE, CLIENTS, MASK, RED, Client, Driver, mark_of
from features import FEATURES, LACKS
from harness import ALIASES, MODEL, Gateway, Sim
from pictures import look
from proxies import WatchingProxy
from test_chat import pictures_of
from test_edit import files_of, sha
from test_leaving import stored

# What a client's errors are called, where its user tells them apart by class.
OPENAI_CLASSES = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError", 502: "InternalServerError", 503: "InternalServerError"}
CLASSES = {
    "openai": OPENAI_CLASSES,
    "ai": dict.fromkeys([400, 401, 404, 413, 429, 502, 503], "AI_APICallError"),
    "async-openai": dict.fromkeys([400, 401, 404, 413, 429, 502, 503], "ApiError"),
    "litellm": OPENAI_CLASSES | {413: "BadRequestError", 502: "BadGatewayError", 503: "ServiceUnavailableError"},
}
TIMEOUTS = {"APITimeoutError", "APIConnectionTimeoutError", "TimeoutError", "Timeout", "OpenAITimeoutError"}


class Results:
    """The records of all clients; they are driven two at a time, from the first question on."""

    def __init__(self, sim: Sim, bell, folder):
        self.sim, self.bell, self.folder = sim, bell, folder
        self.gateways: dict[str, Gateway] = {}
        self.proxies: dict[str, WatchingProxy] = {}
        here = [client for client in CLIENTS if not client.missing]
        # An overload that passes: the gateway says when, and the client comes again.
        sim.script(*({"when": {"prompt": mark_of(client, "retry")}, "times": 1, "then": "status=503 retry-after=1"} for client in here))
        self.pool = ThreadPoolExecutor(2)
        self.futures = {client.name: self.pool.submit(self.drive, client) for client in here}

    def drive(self, client: Client) -> dict[str, dict]:
        # Failures that cool keys down are among the features: there are enough of them.
        proxy = self.proxies[client.name] = WatchingProxy()
        gateway = self.gateways[client.name] = Gateway.start(self.folder / client.slug, self.sim, env=proxy.env, keys=10)
        proxy.aim(gateway.url)
        prompts = {name: f"{mark_of(client, name)} {what.directive}" for name, what in FEATURES.items()}
        driver = Driver.start(client, gateway, proxy, prompts, self.folder / f"{client.slug}-driver", self.bell)
        try:
            return driver.finish()
        finally:
            if driver.process.poll() is None:
                driver.kill()

    def of(self, client: Client) -> dict[str, dict]:
        return self.futures[client.name].result()

    def finish(self) -> None:
        self.pool.shutdown(cancel_futures=True)
        for proxy in self.proxies.values():
            proxy.stop()
        for gateway in self.gateways.values():
            gateway.finish()


@pytest.fixture(scope="session")
def results(client_sim, bell, tmp_path_factory):
    made = Results(client_sim, bell, tmp_path_factory.mktemp("clients"))
    yield made
    made.finish()


def shown(gateway: Gateway, record: dict) -> list[bytes]:
    """The pictures that a client was given, in whatever form."""
    assert "error" not in record, record["error"]
    if "text" in record:
        assert record["finish"] == "stop"
        return pictures_of(gateway, record["text"])
    return [base64.b64decode(picture["b64"], validate=True) if "b64" in picture else gateway.client.get(picture["url"]).content for picture in record["pictures"]]


def check_pictures(gateway: Gateway, record: dict, count: int, width: int = 1024) -> None:
    pictures = shown(gateway, record)
    assert len(set(pictures)) == len(pictures) == count
    assert [(look(picture).format, look(picture).width) for picture in pictures] == [("png", width)] * count


def check_generate_b64(case):
    check_pictures(case.gateway, case.record, 1)
    assert "b64" in case.record["pictures"][0]
    assert case.call["path"] == "/v1/images/generations"


def check_generate_url(case):
    check_pictures(case.gateway, case.record, 1)
    # The AI SDK downloads what it is given an address of.
    assert ("url" in case.record["pictures"][0]) == (case.client.kind != "ai")
    assert case.call["path"] == "/v1/images/generations"


def check_generate_three(case):
    check_pictures(case.gateway, case.record, 3)
    assert len(case.calls) == 3


def check_edit(*files):
    def check(case):
        check_pictures(case.gateway, case.record, 1)
        assert (case.call["path"], files_of(case.call)) == ("/v1/images/edits", [(name, sha(data)) for name, data in files])

    return check


def check_variations(case):
    # LiteLLM does not pass the size on.
    check_pictures(case.gateway, case.record, 1, 1024 if case.client.kind == "litellm" else 512)
    calls = [call for call in case.sim.calls("") if call["body"]["kind"] == "form" and files_of(call) == [("image", sha(case.client.own))]]
    assert [call["path"] for call in calls] == ["/v1/images/edits"]


def check_chat(case):
    check_pictures(case.gateway, case.record, 1)
    assert case.call["path"] == "/v1/images/generations"


def check_events(kind, count):
    def check(case):
        check_pictures(case.gateway, case.record, count)
        assert case.record["events"] == [kind] * count

    return check


def check_models(case):
    assert {"auto", MODEL, *ALIASES.split(",")} <= set(case.record["models"])


def check_retry(case):
    check_pictures(case.gateway, case.record, 1)
    assert len(case.calls) == 2


def check_timeout(case):
    assert case.record["error"]["kind"] in TIMEOUTS, case.record
    check_stored(case)


def check_cancel(case):
    assert case.record["cancelled"] is True
    check_stored(case)


def check_stored(case):
    """Nobody waits any more: the picture is kept, and paid for once."""
    assert len(stored(case.gateway, case.mark)) == 1
    assert (case.call["client_gone"], case.call["outcome"]["kind"]) == (False, "answered")


def check_fault(case):
    error, fault = case.record["error"], FEATURES[case.feature].fault
    assert fault.words in error["message"]
    # What came before the platform was asked never reaches it; final failures reach it once, others once with up to three keys.
    allowed = {401: {0}, 413: {0}, 429: {3}}.get(fault.status, {0} if case.feature in ("error_request", "error_unknown_model") else {1})
    assert len(case.calls) in allowed
    if not fault.status:
        return
    assert error["status"] == fault.status
    kind = CLASSES.get(case.client.kind, {}).get(fault.status)
    if case.feature in ("error_refusal", "no_retry") and case.client.kind == "litellm":
        kind = "ContentPolicyViolationError"
    assert kind in (None, error["kind"])
    # async-openai gives failures of servers as text; LiteLLM writes the whole document into the message.
    if case.client.kind == "litellm" or (case.client.kind == "async-openai" and fault.status >= 500):
        assert f'"{fault.code}"' in error["message"].replace("'", '"')
    else:
        assert error["code"] == fault.code


CHECKS = {
    "generate_b64": check_generate_b64,
    "generate_url": check_generate_url,
    "generate_three": check_generate_three,
    "edit_one": check_edit(("image", RED)),
    "edit_many": check_edit(("image[]", BLUE), ("image[]", RED)),
    "edit_mask": check_edit(("image", RED), ("mask", MASK)),
    "variations": check_variations,
    "blend": check_edit(("image[]", BLUE), ("image[]", RED)),
    "chat": check_chat,
    "chat_pictures": check_edit(("image[]", BLUE), ("image[]", RED)),
    "chat_stream": check_chat,
    "chat_helper": check_chat,
    "image_stream": check_events("image_generation.completed", 2),
    "edit_stream": check_events("image_edit.completed", 1),
    "models": check_models,
    "retry": check_retry,
    "timeout": check_timeout,
    "cancel": check_cancel,
    "cancel_stream": check_cancel,
}


class Case:
    def __init__(self, results: Results, client: Client, feature: str):
        self.client, self.feature = client, feature
        self.record = results.of(client)[feature]
        self.gateway, self.sim = results.gateways[client.name], results.sim
        self.mark = mark_of(client, feature)

    @property
    def calls(self) -> list[dict]:
        return self.sim.calls(self.mark)

    @property
    def call(self) -> dict:
        return self.sim.one_call(self.mark)


ITEMS = {"openai-python": (83,), "openai-node": (84,), "AI SDK": (85,), "LiteLLM": (86,), "LangChain": (87,), "async-openai": (39, 88)}


def items_of(client: Client) -> tuple[int, ...]:
    return (77,) if "Chromium" in client.name else next(items for name, items in ITEMS.items() if client.name.startswith(name))


def case(client: Client, name: str, items: tuple[int, ...]):
    """A parameter, marked with the items that both are about."""
    marks = [pytest.mark.c08(*items_of(client), *items)]
    if client.missing:
        marks.append(pytest.mark.skip(reason=f"{client.name} {client.missing}"))
    return pytest.param(client, name, marks=marks, id=f"{client.slug}-{name}")


def cases(features) -> list:
    return [case(client, name, feature.items) for client in CLIENTS for name, feature in features.items()]


@pytest.mark.parametrize(("client", "feature"), cases(FEATURES))
def test_feature(results, cell, client, feature):
    if feature in LACKS.get(client.name, set()):
        cell(client, feature, "lacks")
        assert results.of(client)[feature].get("unsupported") is True, "the client has it after all"
        return
    cell(client, feature)
    CHECKS.get(feature, check_fault)(Case(results, client, feature))
