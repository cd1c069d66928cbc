import pytest
from harness import BUCKET, PREFIX, PROMPT, Gateway, Moto
from proxy import Proxy


@pytest.fixture
def moto(tmp_path):
    server = Moto(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def proxy(moto):
    made = Proxy(moto.port)
    yield made
    made.shut()


@pytest.fixture
def start(moto, proxy, tmp_path):
    """Starts a gateway with the bucket behind the proxy, unless told otherwise."""
    started = []

    def make(**more: str) -> Gateway:
        environment = {
            "IMG_ROUTER_STORAGE_S3_ENDPOINT": proxy.url,
            "IMG_ROUTER_STORAGE_S3_BUCKET": BUCKET,
            "IMG_ROUTER_STORAGE_S3_ACCESS_KEY": moto.access_key,
            "IMG_ROUTER_STORAGE_S3_SECRET_KEY": moto.secret_key,
            "IMG_ROUTER_STORAGE_S3_PREFIX": PREFIX,
            "IMG_ROUTER_ALLOW_PRIVATE": f"127.0.0.1:{proxy.port}",
        }
        started.append(Gateway(tmp_path, environment | more))
        return started[-1]

    yield make
    for gateway in started:
        gateway.stop()
        log = gateway.log.read_text()
        for word in ("panicked", moto.secret_key, "Signature=", PROMPT):
            assert word not in log, next(line for line in log.splitlines() if word in line)
