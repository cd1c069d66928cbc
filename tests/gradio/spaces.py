"""The gateway against real Gradio servers. Each class is one major version; none is left out."""

import base64
import io
import json
import os
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from PIL import Image

GATEWAY = os.environ["IMG_ROUTER_BIN"]
ENVIRONMENTS = Path(os.environ["GRADIO_ENVIRONMENTS"])
HERE = Path(__file__).parent
KEY = "gradio-suite-access-key"
KINDS = ("plain", "odd", "edit", "gallery", "busy", "error")
PATIENCE = 120


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, body=None, headers=None):
    """Status, headers, body; a refusal is an answer too."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as reply:
            return reply.status, dict(reply.headers), reply.read()
    except urllib.error.HTTPError as refused:
        return refused.code, dict(refused.headers), refused.read()


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited in vain: {what}")


def answers(url):
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


def png(colour, size):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


class Spaces:
    """Every kind of Space on one version of Gradio, and a gateway in front of them."""

    VERSION = 0

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        root = Path(cls.folder.name)
        cls.processes, cls.ports, cls.ledgers = [], {}, {}
        python = ENVIRONMENTS / str(cls.VERSION) / "bin/python"
        for kind in KINDS:
            cls.ports[kind], cls.ledgers[kind] = free_port(), root / f"{kind}.jsonl"
            command = [python, HERE / "app.py", kind, str(cls.ports[kind]), cls.ledgers[kind]]
            with (root / f"{kind}.log").open("w") as log:
                cls.processes.append(subprocess.Popen(command, stdout=log, stderr=log, cwd=root))
        for kind in KINDS:
            wait_until(f"{kind} on Gradio {cls.VERSION}", lambda: answers(f"{cls.space(kind)}/config"))
        cls.start_gateway(root)

    @classmethod
    def start_gateway(cls, root):
        cls.port = free_port()
        spaces = {kind: {"main": cls.space(kind)} for kind in KINDS}
        spaces["busy"]["backup"] = cls.space("plain")
        spaces["error-only"] = spaces.pop("error")
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(cls.port),
            "IMG_ROUTER_HOST": "127.0.0.1",
            "IMG_ROUTER_DATA_DIR": str(root / "data"),
            "IMG_ROUTER_GLOBAL_ACCESS_KEY": KEY,
            "IMG_ROUTER_SYSTEM_MODES_BACKEND": "1",
            "IMG_ROUTER_PROVIDERS_HUGGINGFACE_ENABLED": "1",
            "IMG_ROUTER_HF_MODEL_MAP": json.dumps(spaces),
            "IMG_ROUTER_ALLOW_PRIVATE": ",".join(f"127.0.0.1:{port}" for port in cls.ports.values()),
            "LOG_LEVEL": "debug",
        }
        cls.log = root / "gateway.log"
        with cls.log.open("w") as log:
            cls.processes.append(subprocess.Popen([GATEWAY, "serve"], env=environment, stdout=log, stderr=log))
        wait_until("the gateway", lambda: answers(f"http://127.0.0.1:{cls.port}/ready"))

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.terminate()
        for process in cls.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        cls.folder.cleanup()

    @classmethod
    def space(cls, kind):
        return f"http://127.0.0.1:{cls.ports[kind]}"

    def calls(self, kind):
        """What the Space's function got, oldest first."""
        ledger = self.ledgers[kind]
        return [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []

    def ask(self, path, **fields):
        headers = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}
        body = json.dumps({"response_format": "b64_json"} | fields).encode()
        status, headers, body = fetch(f"http://127.0.0.1:{self.port}{path}", body, headers)
        return status, {name.lower(): value for name, value in headers.items()}, json.loads(body)

    def drawn(self, answer):
        """The one picture of a good answer."""
        status, _, body = answer
        self.assertEqual(status, 200, f"{body}\n{self.log.read_text()[-4000:]}")
        (item,) = body["data"]
        return Image.open(io.BytesIO(base64.b64decode(item["b64_json"])))

    def data_uri(self, colour, size):
        return "data:image/png;base64," + base64.b64encode(png(colour, size)).decode()

    def test_usual_names(self):
        answer = self.ask(
            "/v1/images/generations",
            model="plain",
            prompt="a red fox",
            size="512x768",
            seed=7,
            steps=5,
            negative_prompt="text",
            guidance_scale=3.5,
        )
        self.assertEqual(self.drawn(answer).size, (512, 768))
        self.assertEqual(
            self.calls("plain")[-1],
            {
                "prompt": "a red fox",
                "negative_prompt": "text",
                "seed": 7,
                "randomize_seed": False,
                "width": 512,
                "height": 768,
                "guidance_scale": 3.5,
                "num_inference_steps": 5,
            },
        )

    def test_what_is_not_asked_for_stays_as_the_space_has_it(self):
        self.drawn(self.ask("/v1/images/generations", model="plain", prompt="a lighthouse", size="1024x1024"))
        call = self.calls("plain")[-1]
        self.assertEqual((call["guidance_scale"], call["negative_prompt"]), (4.5, ""))

    def test_other_names_in_another_order(self):
        picture = self.drawn(self.ask("/v1/images/generations", model="odd", prompt="a blue house", size="256x512", steps=9))
        self.assertEqual(picture.size, (256, 512))
        self.assertEqual(
            self.calls("odd")[-1], {"steps": 9, "canvas_height": 512, "canvas_width": 256, "description": "a blue house"}
        )

    def test_several_pictures_have_several_seeds(self):
        before = len(self.calls("plain"))
        status, _, body = self.ask("/v1/images/generations", model="plain", prompt="many", size="512x512", n=3)
        self.assertEqual((status, len(body["data"])), (200, 3), body)
        calls = self.calls("plain")[before:]
        self.assertEqual((len(calls), len({call["seed"] for call in calls})), (3, 3), calls)

    def test_editing_uploads_the_picture(self):
        answer = self.ask(
            "/v1/images/edits", model="edit", prompt="turn it round", image=self.data_uri((200, 10, 10), (320, 240))
        )
        self.assertEqual(self.drawn(answer).size, (320, 240))
        self.assertEqual(
            self.calls("edit")[-1],
            {"strength": 0.7, "instruction": "turn it round", "photo": {"size": [320, 240], "middle": [200, 10, 10]}},
        )

    def test_blending_fills_a_gallery(self):
        pictures = [self.data_uri((200, 10, 10), (320, 240)), self.data_uri((10, 200, 10), (160, 240))]
        self.drawn(self.ask("/v1/images/blend", model="gallery", prompt="put them together", images=pictures))
        self.assertEqual(
            self.calls("gallery")[-1],
            {
                "pictures": [
                    {"size": [320, 240], "middle": [200, 10, 10]},
                    {"size": [160, 240], "middle": [10, 200, 10]},
                ],
                "prompt": "put them together",
            },
        )

    def test_a_chat_draws_too(self):
        messages = [{"role": "user", "content": "a harbour at night"}]
        status, _, body = self.ask("/v1/chat/completions", model="plain", messages=messages, size="512x512")
        self.assertEqual(status, 200, body)
        self.assertIn("![", body["choices"][0]["message"]["content"])
        self.assertEqual(self.calls("plain")[-1]["prompt"], "a harbour at night")

    def test_a_raised_error_is_told(self):
        status, _, body = self.ask("/v1/images/generations", model="error-only", prompt="a fox", size="512x512")
        self.assertGreaterEqual(status, 400, body)
        self.assertIn("The sampler does not like this prompt.", json.dumps(body))

    def test_a_full_queue_goes_to_the_backup(self):
        # One call is under way and one waits: the queue is full.
        prefix = "" if self.VERSION == 4 else "/gradio_api"
        config = json.loads(fetch(f"{self.space('busy')}/config")[2])
        function = next(
            i for i, one in enumerate(config["dependencies"]) if one.get("api_name") == "infer"
        )
        function = config["dependencies"][function].get("id", function)
        for session in ("first", "second"):
            before = len(self.calls("busy"))
            join = {"data": ["long", "", 1, False, 512, 512, 4.5, 4], "fn_index": function, "session_hash": session}
            headers = {"content-type": "application/json"}
            status, _, body = fetch(f"{self.space('busy')}{prefix}/queue/join", json.dumps(join).encode(), headers)
            self.assertEqual(status, 200, body)
            if session == "first":
                wait_until("the first call runs", lambda: len(self.calls("busy")) > before)
        before = len(self.calls("plain"))
        answer = self.ask("/v1/images/generations", model="busy", prompt="in a hurry", size="512x512")
        self.assertEqual(self.drawn(answer).size, (512, 512))
        self.assertEqual([call["prompt"] for call in self.calls("plain")[before:]], ["in a hurry"])
        self.assertEqual(answer[1]["x-img-router-attempts"], "2")


class Gradio4(Spaces, unittest.TestCase):
    VERSION = 4


class Gradio5(Spaces, unittest.TestCase):
    VERSION = 5


class Gradio6(Spaces, unittest.TestCase):
    VERSION = 6
