"""What the tests have at hand: platforms, gateways, clients. What they tell: items of the checklist, cells of the table."""

import itertools
import json
import os
import uuid
from pathlib import Path

import openai
import pytest
import schemas
from drivers import Bell
from harness import PROMPT, Gateway, Sim
from longrun import LongRun

# What takes longest comes last: it has been under way since the beginning.
LAST = ["test_clients", "test_long", "test_checklist"]


def pytest_configure(config):
    config.addinivalue_line("markers", "c08(*numbers): items of the checklist that a test is for")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LAST.index(item.module.__name__) + 1 if item.module.__name__ in LAST else 0)


@pytest.fixture(scope="session")
def sim():
    """The simulated platform that all gateways share."""
    platform = Sim.start()
    yield platform
    platform.stop()


@pytest.fixture(scope="session")
def gateway(sim, tmp_path_factory):
    """A gateway that hands out links to its storage."""
    started = Gateway.start(tmp_path_factory.mktemp("main") / "data", sim)
    yield started
    started.finish()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A gateway in demo mode, without a public address."""
    started = Gateway.start(tmp_path_factory.mktemp("demo") / "data", None, public=False)
    yield started
    started.finish()


@pytest.fixture
def fresh(sim, tmp_path):
    """Makes gateways whose keys are in perfect health, for tests that spoil it."""
    started = []
    numbers = itertools.count()

    def start(**arguments) -> Gateway:
        started.append(Gateway.start(tmp_path / f"data{next(numbers)}", sim, **arguments))
        return started[-1]

    yield start
    for one in started:
        one.finish()


@pytest.fixture(scope="session")
def client_sim():
    """The platform of the clients' gateways, whose script no test ends."""
    platform = Sim.start()
    yield platform
    platform.stop()


@pytest.fixture(scope="session")
def bell(client_sim):
    started = Bell(client_sim)
    yield started
    started.stop()


@pytest.fixture(scope="session")
def long(client_sim, bell, tmp_path_factory):
    """Drawings of two minutes, under way."""
    run = LongRun.start(client_sim, bell, tmp_path_factory.mktemp("long"))
    yield run
    run.stop()


@pytest.fixture(scope="session", autouse=True)
def begun_early(request):
    """Starts the long drawings first, if any test of this run looks at them."""
    if any("long" in item.fixturenames for item in request.session.items):
        request.getfixturevalue("long")


CELLS: dict[str, dict[str, str]] = {}


@pytest.fixture
def cell(request):
    """Tells which cell of the table a test fills; it holds what becomes of the test."""

    def tell(client, feature: str, what: str = "good") -> None:
        CELLS.setdefault(client.name, {})[feature] = what
        request.node.cell = (client.name, feature)

    return tell


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and (cell := getattr(item, "cell", None)):
        CELLS[cell[0]][cell[1]] = "bad"
    if call.when == "call" and (report.passed or hasattr(report, "wasxfail")):
        for marker in item.iter_markers("c08"):
            name = f"`{item.module.__name__}.{item.originalname}`{'' if report.passed else ' (fails as known)'}"
            PASSED.setdefault(name, set()).update(marker.args)
    return report


# The items of every test function that passed.
PASSED: dict[str, set[int]] = {}


def pytest_sessionfinish(session):
    if folder := os.environ.get("SDK_REPORTS"):
        (Path(folder) / "cells.json").write_text(json.dumps(CELLS))
        (Path(folder) / "items.json").write_text(json.dumps({name: sorted(items) for name, items in PASSED.items()}))


@pytest.fixture(autouse=True)
def answers_fit():
    """Whatever a test asked: every answer that passed by is what OpenAI says it is."""
    yield
    violations, schemas.VIOLATIONS[:] = list(schemas.VIOLATIONS), []
    assert not violations, "\n".join(violations)


@pytest.fixture(autouse=True)
def no_script(request):
    """A test's script ends with it."""
    platform = request.getfixturevalue("sim") if "sim" in request.fixturenames else None
    yield
    if platform:
        platform.script()


@pytest.fixture
def mark() -> str:
    """A prompt that no other test has."""
    return f"{PROMPT} {uuid.uuid4().hex}"


def connect(gateway: Gateway, **arguments) -> openai.OpenAI:
    """An official client that neither repeats nor forgives."""
    defaults = {"api_key": gateway.key, "base_url": gateway.v1, "max_retries": 0, "timeout": 30, "_strict_response_validation": True}
    hooks = {"http_client": openai.DefaultHttpxClient(event_hooks={"response": [schemas.check_seen]}, trust_env=False)}
    return openai.OpenAI(**(defaults | hooks | arguments))


@pytest.fixture(scope="session")
def client(gateway):
    with connect(gateway) as made:
        yield made


@pytest.fixture(scope="session")
def demo_client(demo):
    with connect(demo) as made:
        yield made
