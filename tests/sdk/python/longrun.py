"""Drawings of two minutes: one gateway, all clients at once, beside the other tests."""

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import openai
from drivers import CLIENTS, RED, RUN, Bell, Driver, mark_of
from features import LACKS, LONG
from harness import MODEL, PROMPT, Gateway, Sim, wait_until
from proxies import CuttingProxy, WatchingProxy

SECONDS = 120
# Proxies of large providers end connections that were silent this long.
SILENCE = 100.0


@dataclass
class Watched:
    """A stream as it came: when, and which bytes."""

    pieces: list[tuple[float, bytes]] = field(default_factory=list)
    error: str = ""

    @property
    def text(self) -> str:
        return b"".join(data for _, data in self.pieces).decode()


@dataclass
class LongRun:
    sim: Sim
    gateway: Gateway
    proxy: CuttingProxy
    watching: WatchingProxy
    drivers: dict[str, Driver]
    threads: list[threading.Thread]
    watched: dict[str, Watched]
    through: dict[str, object]

    @classmethod
    def start(cls, sim: Sim, bell: Bell, folder: Path) -> "LongRun":
        """Ready when the platform draws everything."""
        watching = WatchingProxy()
        gateway = Gateway.start(folder / "data", sim, env=watching.env | {"IMG_ROUTER_LIMITS_KEY_CONCURRENCY": "100"})
        watching.aim(gateway.url)
        run = cls(sim, gateway, CuttingProxy(gateway.url, SILENCE), watching, {}, [], {}, {})
        try:
            run.ask(bell, folder)
        except BaseException:
            run.stop()
            raise
        return run

    def ask(self, bell: Bell, folder: Path) -> None:
        """Asks for everything, and waits until the platform draws it."""
        asked = 0
        for client in CLIENTS:
            if client.missing:
                continue
            prompts = {name: f"{mark_of(client, name)} {what.directive}" for name, what in LONG.items()}
            self.drivers[client.name] = Driver.start(client, self.gateway, self.watching, prompts, folder / client.slug, bell, together=True)
            asked += len(LONG.keys() - LACKS.get(client.name, set()))
        for name, act in WATCHED.items():
            self.watched[name] = Watched()
            self.spawn(self.watch, name, act)
        for name, act in THROUGH.items():
            self.spawn(self.pass_through, name, act)
        asked += len(WATCHED) + len(THROUGH)
        wait_until("all long drawings are under way", lambda: len(self.sim.calls(f"delay={SECONDS}000")) == asked, 400)

    def spawn(self, *call) -> None:
        self.threads.append(threading.Thread(target=call[0], args=call[1:], daemon=True))
        self.threads[-1].start()

    def watch(self, name: str, act) -> None:
        watched = self.watched[name]
        path, arguments = act(self.prompt(name))
        headers = {"authorization": f"Bearer {self.gateway.key}"}
        try:
            with self.gateway.client.stream("POST", f"/v1/{path}", headers=headers, timeout=60, **arguments) as answer:
                watched.pieces.append((time.monotonic(), b""))
                for data in answer.iter_raw():
                    watched.pieces.append((time.monotonic(), data))
        except Exception as error:
            watched.error = repr(error)

    def pass_through(self, name: str, act) -> None:
        with openai.OpenAI(api_key=self.gateway.key, base_url=f"{self.proxy.url}/v1", max_retries=0) as client:
            try:
                self.through[name] = act(client, self.prompt(name))
            except openai.APIError as error:
                self.through[name] = error

    def prompt(self, name: str) -> str:
        return f"{self.mark(name)} [sim delay={SECONDS}000]"

    @staticmethod
    def mark(name: str) -> str:
        return f"{PROMPT} {RUN} {name}."

    def wait(self) -> None:
        for thread in self.threads:
            thread.join(2 * SECONDS)
            assert not thread.is_alive(), "a long drawing did not end"

    def stop(self) -> None:
        for driver in self.drivers.values():
            if driver.process.poll() is None:
                driver.kill()
        self.proxy.stop()
        self.watching.stop()
        self.gateway.finish()


def talk(prompt: str, **more) -> dict:
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], **more}


def again(name: str) -> dict[str, str]:
    """What a caller sends who wants to come back: a name of its own, and one for what it wants."""
    return {"x-request-id": f"{RUN}-{name}", "idempotency-key": f"{RUN}-{name}"}


WATCHED = {
    "beats_chat": lambda prompt: ("chat/completions", {"json": talk(prompt, stream=True)}),
    "beats_pictures": lambda prompt: ("images/generations", {"json": {"prompt": prompt, "model": MODEL, "stream": True}}),
    "beats_edits": lambda prompt: ("images/edits", {"data": {"prompt": prompt, "model": MODEL, "stream": "true"}, "files": {"image": ("a.png", RED)}}),
}
THROUGH = {
    "cut_generate": lambda client, prompt: client.images.generate(prompt=prompt, model=MODEL, extra_headers=again("cut_generate")),
    "cut_edit": lambda client, prompt: client.images.edit(image=RED, prompt=prompt, model=MODEL, extra_headers=again("cut_edit")),
    "cut_chat": lambda client, prompt: client.chat.completions.create(**talk(prompt), extra_headers=again("cut_chat")),
    "kept_chat": lambda client, prompt: [chunk.choices[0].delta.content for chunk in client.chat.completions.create(**talk(prompt, stream=True))],
    "kept_pictures": lambda client, prompt: [event.type for event in client.images.generate(prompt=prompt, model=MODEL, stream=True)],
    "kept_edits": lambda client, prompt: [event.type for event in client.images.edit(image=RED, prompt=prompt, model=MODEL, stream=True)],
}
