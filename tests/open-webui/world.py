"""The platform, three gateways and Open WebUI, and what to compare between them."""

import base64
import hashlib
import itertools
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from unittest import mock

import harness
import httpx2
from harness import MODEL, PROMPT, Gateway, Sim
from pictures import look
from webui import KEEPING, OpenWebUI, pictures_in

HERE = Path(__file__).parent
BODY = {"IMG_ROUTER_SYSTEM_MAX_BODY_SIZE": str(20 * 1024 * 1024)}
EDITING = {"IMG_ROUTER_CHAT_CONTINUE_FROM_LAST_IMAGE": "1"}


class Known(str):
    """An outcome that is a limit and no success: a check that returns it has seen this limit and nothing worse."""


class World:
    def __init__(self, folder: Path):
        self.folder = folder
        self.marks = itertools.count(1)
        with ExitStack() as started:
            self.sim = Sim.start()
            started.callback(self.sim.stop)
            # As most run it at home: its links name a private address.
            self.linked = self.start_gateway(started, "linked", BODY)
            # Without an address of its own, links are data URIs.
            self.bare = self.start_gateway(started, "bare", BODY | EDITING, public=False)
            # It may ask its own address, as if that were public.
            port = harness.free_port()
            own = {"IMG_ROUTER_ALLOW_PRIVATE": f"{self.sim.address},127.0.0.1:{port}"}
            with mock.patch.object(harness, "free_port", lambda: port):
                self.open = self.start_gateway(started, "open", BODY | EDITING | own)
            self.webui = OpenWebUI.start(folder / "open-webui")
            started.callback(self.webui.stop)
            self.started = started.pop_all()

    def start_gateway(self, started: ExitStack, name: str, env: dict[str, str], public: bool = True) -> Gateway:
        gateway = Gateway.start(self.folder / name, self.sim, env, public)
        started.callback(gateway.finish)
        return gateway

    @cached_property
    def keeping(self) -> OpenWebUI:
        """An Open WebUI that makes files of the pictures in answers."""
        webui = OpenWebUI.start(self.folder / "keeping", KEEPING)
        self.started.callback(webui.stop)
        webui.set_chores(False)
        return webui

    def usual(self) -> None:
        """What every check starts from."""
        self.webui.set_images(self.linked, MODEL)
        self.webui.connect(self.linked)
        self.webui.set_chores(False)

    def stop(self) -> None:
        """Ends everything that was started, and fails if a gateway's log is not as it must be."""
        self.started.close()

    def mark(self) -> str:
        """A prompt that is nobody else's."""
        return f"{PROMPT} number {next(self.marks)}."

    def drawn(self, mark: str, gateway: Gateway | None = None) -> list[bytes]:
        """What a gateway has stored for a prompt."""
        sidecars = (gateway or self.linked).sidecars(mark)
        return sorted(sidecar.with_name(sidecar.name.removesuffix(".json")).read_bytes() for sidecar in sidecars)

    def compare(self, copies: list[tuple[str, bytes]], mark: str, gateway: Gateway | None) -> str:
        """Type and content of what a user sees: whole pictures, of the type that is said, and the very ones that the gateway drew."""
        assert copies, "no picture"
        seen = [look(data) for _, data in copies]
        assert [kind for kind, _ in copies] == [f"image/{picture.format}" for picture in seen], copies
        assert sorted(data for _, data in copies) == self.drawn(mark, gateway), "other pictures than the gateway's"
        return f"{len(copies)} {seen[0].format} {seen[0].width}x{seen[0].height}"

    def compare_files(self, files: list[dict], mark: str, gateway: Gateway | None = None, webui: OpenWebUI | None = None) -> str:
        """Of Open WebUI's own copies."""
        return self.compare([(webui or self.webui).file(file["url"]) for file in files], mark, gateway)

    def compare_links(self, text: str, mark: str, gateway: Gateway | None = None) -> str:
        """Of an answer's Markdown pictures, fetched as a browser would: without a key."""
        return self.compare([fetched(link) for link in pictures_in(text)], mark, gateway)

    def generate(self, mark: str, **fields) -> httpx2.Response:
        return self.webui.client.post("/api/v1/images/generations", json={"prompt": mark} | fields)

    def edit(self, mark: str, image: str | list[str], **fields) -> httpx2.Response:
        return self.webui.client.post("/api/v1/images/edit", json={"prompt": mark, "image": image} | fields)


def fetched(link: str) -> tuple[str, bytes]:
    if link.startswith("data:"):
        head, data = link.removeprefix("data:").split(";base64,")
        return head, base64.b64decode(data, validate=True)
    answer = httpx2.get(link, trust_env=False)
    assert answer.status_code == 200, f"{link} answered {answer.status_code}"
    return answer.headers["content-type"], answer.content


def good(answer: httpx2.Response):
    assert answer.status_code == 200, f"{answer.status_code} {answer.text[:300]}"
    return answer.json()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def files_of(call: dict) -> list[tuple[str, str]]:
    """Name and hash of the files that reached the platform, in order."""
    return [(file["name"], file["sha256"]) for file in call["body"].get("files", [])]
