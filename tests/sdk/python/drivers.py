"""The clients, each driven by a small program of its own: what it is given and what it reports."""

import base64
import json
import os
import signal
import subprocess
import threading
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from harness import MAX_BODY, MODEL, PROMPT, Gateway, Sim, end, wait_until
from pictures import png
from proxies import WatchingProxy

FOLDER = Path(__file__).parents[1]
NODE = "node"
# Some majors want Node 22; `run` says where one is, or nothing.
NEWER_NODE = os.environ.get("NEWER_NODE", "")
PATIENCE = 240.0
RUN = uuid.uuid4().hex
RED, BLUE, MASK = png(colour=(255, 0, 0)), png(colour=(0, 0, 255)), png(hole=True)


@dataclass(frozen=True)
class Client:
    """A client in one major version."""

    name: str
    kind: str
    command: tuple[str, ...]

    @property
    def slug(self) -> str:
        return "".join(letter if letter.isalnum() else "-" for letter in self.name.lower())

    @property
    def missing(self) -> str:
        """Why it cannot be driven here, if so."""
        return "" if self.command[0] else "needs Node 22"

    @property
    def own(self) -> bytes:
        """A picture that no other client sends."""
        return png(side=34 + sum(self.name.encode()) % 200, colour=(1, 2, 3))


def python(environment: str, script: str) -> tuple[str, ...]:
    return (str(FOLDER / ".venv" / environment / "bin/python"), str(FOLDER / "python/clients" / script))


def node(which: str, script: str, *arguments: str) -> tuple[str, ...]:
    return (which, str(FOLDER / "node/clients" / script), *arguments)


CLIENTS = [
    Client("openai-python 3", "openai", python("openai3", "openai_python.py")),
    Client("openai-python 2", "openai", python("openai2", "openai_python.py")),
    Client("openai-node 7", "openai", node(NEWER_NODE, "openai.mjs", "7")),
    Client("openai-node 6", "openai", node(NODE, "openai.mjs", "6")),
    Client("openai-node 7 in Chromium", "openai", node(NODE, "chromium.mjs")),
    Client("AI SDK 7, openai-compatible", "ai", node(NEWER_NODE, "ai-sdk.mjs", "7", "compatible3")),
    Client("AI SDK 7, openai", "ai", node(NEWER_NODE, "ai-sdk.mjs", "7", "openai4")),
    Client("AI SDK 6, openai-compatible", "ai", node(NODE, "ai-sdk.mjs", "6", "compatible2")),
    Client("AI SDK 6, openai", "ai", node(NODE, "ai-sdk.mjs", "6", "openai3")),
    Client("LiteLLM 1", "litellm", python("openai2", "litellm_python.py")),
    Client("LangChain 1, Python", "langchain", python("openai2", "langchain_python.py")),
    Client("LangChain 1, JavaScript", "langchain", node(NEWER_NODE, "langchain.mjs")),
    Client("async-openai 0", "async-openai", (str(FOLDER / "rust/target/debug/async-openai-driver"),)),
]


class Bell:
    """Answers a driver as soon as the platform is asked to draw a prompt: the moment to leave."""

    def __init__(self, sim: Sim):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                [prompt] = parse_qs(urlsplit(self.path).query)["prompt"]
                try:
                    wait_until("the platform draws", lambda: sim.calls(prompt), 20)
                    self.send_response(200)
                except AssertionError:
                    self.send_response(504)
                self.send_header("access-control-allow-origin", "*")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@dataclass
class Driver:
    """A driver at work."""

    client: Client
    process: subprocess.Popen
    out: Path
    proxy: WatchingProxy
    records: dict[str, dict] = field(default_factory=dict)

    @classmethod
    def start(
        cls, client: Client, gateway: Gateway, proxy: WatchingProxy, prompts: dict[str, str], folder: Path, bell: Bell, together: bool = False
    ) -> "Driver":
        """Through `proxy`, which looks at what `gateway` answers."""
        folder.mkdir(parents=True)
        pictures = {"red": RED, "blue": BLUE, "mask": MASK, "own": client.own}
        for name, picture in pictures.items():
            (folder / f"{name}.png").write_bytes(picture)
        stage = {name: base64.b64encode(picture).decode() for name, picture in pictures.items()}
        stage |= {"v1": f"{proxy.url}/v1", "key": gateway.key, "model": MODEL, "gpt": "gpt-image-1", "too_large": MAX_BODY}
        stage |= {"folder": str(folder), "together": together, "drawing": bell.url, "prompts": prompts}
        path, out = folder / "stage.json", folder / "records.jsonl"
        path.write_text(json.dumps(stage))
        program, *arguments = client.command
        # Scripts of Node come first, then the stage, then what else they are told.
        at = 1 if arguments else 0
        command = [program, *arguments[:at], str(path), *arguments[at:]]
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "LANGCHAIN_", "LANGSMITH_"))}
        with out.open("w") as records, (folder / "errors.txt").open("w") as errors:
            process = subprocess.Popen(command, stdout=records, stderr=errors, env=environment)
        return cls(client, process, out, proxy)

    def finish(self) -> dict[str, dict]:
        """The records by feature, once the driver has ended."""
        if not self.records:
            try:
                code = self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                code = "too slow"
            errors = (self.out.parent / "errors.txt").read_text()
            assert code == 0, f"{self.client.name} ended with {code}:\n{errors[-3000:]}"
            lines = [json.loads(line) for line in self.out.read_text().splitlines() if line.startswith("{")]
            self.records = {record["feature"]: record for record in lines}
            self.proxy.check()
        return self.records

    def kill(self) -> None:
        # A browser's driver closes it when it is asked to end.
        end(self.process, signal.SIGTERM)


def mark_of(client: Client, feature: str) -> str:
    """What the prompt of a client's feature begins with; no mark begins another."""
    return f"{PROMPT} {RUN} {client.slug} {feature}."
