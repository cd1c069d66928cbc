"""Starts the simulated platform and gateways as processes, and ends exactly those."""

import json
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import schemas

ROOT = Path(__file__).parents[3]
GATEWAY = Path(os.environ.get("IMG_ROUTER_BIN") or ROOT / "target/debug/img-router")
SIM = Path(os.environ.get("IR_SIM_BIN") or ROOT / "target/debug/ir-sim")
KEY = "sdk-suite-access-key"
PLATFORM_KEY = "sk-newapi-of-the-pool"
MODEL = "sim-image"
# What the prompts of these tests begin with.
PROMPT = "a fox"
ALIASES = "gpt-image-1,gpt-image-2,dall-e-3"
# Small enough that exceeding it is quick.
MAX_BODY = 2 * 1024 * 1024
PATIENCE = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what: str, condition, seconds: float = PATIENCE):
    """The first true value of `condition`, looked at every 20 ms."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


def end(process: subprocess.Popen, how: int) -> None:
    process.send_signal(how)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Sim:
    """A simulated platform. Its ledger tells what the gateway really asked."""

    process: subprocess.Popen
    url: str
    client: httpx2.Client

    @classmethod
    def start(cls) -> "Sim":
        command = [SIM, "serve", "--port", "0", "--model", MODEL, "--model", "other-image"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = process.stdout.readline()
        url = line.rsplit(" ", 1)[-1].strip().removesuffix("/v1")
        assert url.startswith("http://127.0.0.1:"), f"ir-sim said {line!r}"
        return cls(process, url, httpx2.Client(base_url=url, trust_env=False))

    @property
    def address(self) -> str:
        return self.url.removeprefix("http://")

    def calls(self, mark: str) -> list[dict]:
        """The drawings whose prompt holds `mark`, oldest first."""
        entries = self.client.get("/_sim/ledger").json()["entries"]
        return [entry for entry in entries if entry["method"] == "POST" and mark in (prompt_of(entry) or "")]

    def one_call(self, mark: str) -> dict:
        calls = self.calls(mark)
        assert len(calls) == 1, f"{len(calls)} calls instead of one"
        return calls[0]

    def script(self, *rules: dict) -> None:
        answer = self.client.post("/_sim/script", json={"rules": list(rules)})
        assert answer.status_code == 200, answer.text

    def stop(self) -> None:
        self.client.close()
        end(self.process, signal.SIGINT)
        self.process.stdout.close()


def fields_of(call: dict) -> dict:
    """The JSON document or the text fields of a call."""
    body = call["body"]
    return body["value"] if body["kind"] == "json" else dict(body["fields"])


def prompt_of(call: dict) -> str | None:
    body = call["body"]
    return fields_of(call).get("prompt") if body["kind"] in ("json", "form") else None


@dataclass
class Gateway:
    """A gateway with a data folder of its own."""

    process: subprocess.Popen
    data: Path
    url: str
    key: str
    log: Path
    client: httpx2.Client = field(repr=False)

    @classmethod
    def start(cls, data: Path, sim: Sim | None, env: dict[str, str] | None = None, public: bool = True, keys: int = 1) -> "Gateway":
        """Starts a gateway in front of `sim`, or in demo mode without one."""
        data.mkdir(parents=True)
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMG_ROUTER_")}
        environment |= {"PORT": str(port), "IMG_ROUTER_HOST": "127.0.0.1", "IMG_ROUTER_DATA_DIR": str(data)}
        environment |= {"IMG_ROUTER_SYSTEM_MAX_BODY_SIZE": str(MAX_BODY)}
        if public:
            environment["IMG_ROUTER_PUBLIC_BASE_URL"] = url
        if sim is None:
            environment["IMG_ROUTER_DEMO"] = "1"
        else:
            environment |= {"IMG_ROUTER_GLOBAL_ACCESS_KEY": KEY, "IMG_ROUTER_ALLOW_PRIVATE": sim.address}
            (data / "runtime-config.json").write_text(json.dumps(configuration(sim)))
        environment["IMG_ROUTER_LIMITS_URL_FETCHES_PER_MINUTE"] = "1000"
        environment |= env or {}
        if sim is not None:
            pool = [PLATFORM_KEY] + [f"{PLATFORM_KEY}-{number}" for number in range(2, keys + 1)]
            add = subprocess.run([GATEWAY, "keys", "add", "NewApi", *pool], env=environment, capture_output=True, text=True)
            assert add.returncode == 0, add.stdout + add.stderr
        log = data.parent / f"{data.name}.log"
        with log.open("w") as out:
            process = subprocess.Popen([GATEWAY, "serve"], env=environment, stdout=out, stderr=out)
        client = httpx2.Client(base_url=url, trust_env=False, timeout=PATIENCE, event_hooks={"response": [schemas.check_seen]})
        gateway = cls(process, data, url, KEY if sim else "demo", log, client)
        try:
            wait_until("the gateway is ready", gateway.is_ready)
        except AssertionError as error:
            gateway.stop()
            raise AssertionError(f"{error}\n{log.read_text()}") from None
        return gateway

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}"
        try:
            return self.client.get("/ready").status_code == 200
        except httpx2.TransportError:
            return False

    @property
    def v1(self) -> str:
        return f"{self.url}/v1"

    def post(self, path: str, **arguments) -> httpx2.Response:
        """A plain request with the key, unless `headers` name another."""
        headers = {"authorization": f"Bearer {self.key}"} | arguments.pop("headers", {})
        return self.client.post(path, headers={name: value for name, value in headers.items() if value is not None}, **arguments)

    def sidecars(self, mark: str) -> list[Path]:
        """Metadata of stored pictures whose prompt holds `mark`."""
        files = (self.data / "storage").rglob("*.json")
        return [file for file in files if mark in json.loads(file.read_text()).get("prompt", "")]

    def stop(self) -> None:
        self.client.close()
        end(self.process, signal.SIGTERM)

    def finish(self) -> None:
        """Stops, and fails on a log that tells of a panic, or tells what no log may tell."""
        self.stop()
        log = self.log.read_text()
        for word in ("panicked", PLATFORM_KEY, KEY, "sk-newapi-my-own", PROMPT):
            assert word not in log, next(line for line in log.splitlines() if word in line)


def configuration(sim: Sim) -> dict:
    task = {"model": MODEL, "modelMap": ALIASES}
    newapi = {"enabled": True, "baseUrl": sim.url, "text": task, "edit": task, "blend": task}
    return {"system": {"modes": {"relay": True, "backend": True}}, "providers": {"NewApi": newapi}}
