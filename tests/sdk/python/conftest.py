"""What the tests have at hand: platforms, gateways, clients."""

import itertools
import uuid

import openai
import pytest
from harness import PROMPT, Gateway, Sim


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
    return openai.OpenAI(**(defaults | arguments))


@pytest.fixture(scope="session")
def client(gateway):
    with connect(gateway) as made:
        yield made


@pytest.fixture(scope="session")
def demo_client(demo):
    with connect(demo) as made:
        yield made
