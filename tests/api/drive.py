"""Starts the gateway in front of a simulated platform, and lets schemathesis at it in each role."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
GATEWAY, SIM = os.environ["IMG_ROUTER_BIN"], os.environ["IR_SIM_BIN"]
SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
ACCESS_KEY = "api-suite-access-key"
PASSWORD = "api-suite-password"
MODELS = ["sim-image", "other-image"]
COOKIE = "img-router"
# A 64 × 64 picture.
RED = (
    "iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAIAAAAlC+aJAAAATklEQVR42u3PMQ0AAAgDsN3zLwpZSOAmaVIDzbSvRUBA"
    "QEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEDgsoHZwMQUbi3RAAAAAElFTkSuQmCC"
)
# No proxy of the environment stands before 127.0.0.1.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What would saw off the branch that a run sits on: operations by their ids, each with the reason. They are
# tried last, each with a session of its own.
LAST = {
    "logout": "ends the session that all later requests need",
    "end": "ends any session whose id an answer told, also that one",
}
# Everything else is in, because the environment pins what must not change: the port, the access key
# (`POST /api/access-key/rotate` is refused with 409), and the password (`POST /api/password` likewise;
# `POST /api/setup` has no link to take).

# The changes of the part `settings`: each of these values for each setting.
ODD = ["", "0", "-1", "on", "\0", "，", "x" * 30_000, "9" * 400, "http://127.0.0.1:1", "../..", "*", "********", None, True]
ODD += [0, -1, 7, 0.5, 1e308, 2**63, -(2**63), [], {}, [None], [""], ["a", "a"], {"": ""}, {"main": 1}, {"a": {"main": "http://x"}}]
# Not changed there, because they end the run: they close the API or the door that the run comes through.
NOT_SET = ("system.modes.", "limits.", "security.")
# Every platform has the same settings, but for these two, which have some of their own.
PLATFORMS = ("providers.NewApi.", "providers.Doubao.")

# What answers to strangers are held to, besides being refusals.
CONFORMANCE = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
# part: what is asked, as whom, how many generated cases per operation, further checks
PARTS = {
    "v1": (["--include-path-regex", "^/v1/"], "caller", 8, []),
    "api": (["--include-path-regex", "^/(api/|metrics)"], "operator", 10, []),
    "open": ([], None, 1, ["closed"]),
    "settings": None,
    "end": ([], "operator", 3, []),
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(process: subprocess.Popen, how: int) -> None:
    process.send_signal(how)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError("it did not stop within 15 s") from None


class World:
    """The platform, the gateway, and what a caller and an operator left there."""

    def __init__(self, folder: Path):
        self.folder, self.data, self.log = folder, folder / "data", folder / "gateway.log"
        models = [word for name in MODELS for word in ("--model", name)]
        command = [SIM, "serve", "--port", "0", "--side", "64", "--ignore-prompts", *models]
        self.sim = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.platform = self.sim.stdout.readline().rsplit("://", 1)[-1].split("/")[0].strip()
        self.url = f"http://127.0.0.1:{free_port()}"
        self.gateway = self.serve()
        self.cookie = self.sign_in()
        self.leave_something()

    def serve(self) -> subprocess.Popen:
        self.data.mkdir()
        task = {"model": MODELS[0], "modelMap": "gpt-image-1,dall-e-3"}
        newapi = {"enabled": True, "baseUrl": f"http://{self.platform}", "text": task, "edit": task, "blend": task}
        document = {"system": {"modes": {"relay": True, "backend": True}}, "providers": {"NewApi": newapi}}
        (self.data / "runtime-config.json").write_text(json.dumps(document))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMG_ROUTER_")}
        environment |= {
            "PORT": self.url.rsplit(":", 1)[1],
            "IMG_ROUTER_HOST": "127.0.0.1",
            "IMG_ROUTER_DATA_DIR": str(self.data),
            "IMG_ROUTER_PUBLIC_BASE_URL": self.url,
            "IMG_ROUTER_ALLOW_PRIVATE": self.platform,
            "IMG_ROUTER_LIMITS_URL_FETCHES_PER_MINUTE": "100000",
            "IMG_ROUTER_GLOBAL_ACCESS_KEY": ACCESS_KEY,
            "IMG_ROUTER_ADMIN_PASSWORD": PASSWORD,
            "IMG_ROUTER_WEBHOOKS_SECRET": f"whsec_{base64.b64encode(bytes(24)).decode()}",
        }
        add = [GATEWAY, "keys", "add", "NewApi", "sk-newapi-of-the-pool", "sk-newapi-to-spare"]
        subprocess.run(add, env=environment, check=True, capture_output=True)
        with self.log.open("w") as out:
            gateway = subprocess.Popen([GATEWAY, "serve"], env=environment, stdout=out, stderr=out)
        until = time.monotonic() + 30
        while gateway.poll() is None and time.monotonic() < until:
            try:
                OPENER.open(f"{self.url}/ready", timeout=5).close()
                return gateway
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the gateway is not ready\n{self.log.read_text()}")

    def ask(self, path: str, document=None, **headers: str):
        """The document of an answer, and its headers."""
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.url + path, body, headers | ({"content-type": "application/json"} if body else {}))
        try:
            with OPENER.open(request, timeout=30) as answer:
                return json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}: {error.read().decode()}") from None

    def sign_in(self) -> str:
        """Another session. The calls of strangers were wrong guesses: who made too many waits."""
        body = json.dumps({"password": PASSWORD}).encode()
        for _ in range(5):
            request = urllib.request.Request(f"{self.url}/api/session", body, {"content-type": "application/json"})
            try:
                with OPENER.open(request, timeout=30) as answer:
                    return answer.headers["set-cookie"].split(";")[0].removeprefix(f"{COOKIE}=")
            except urllib.error.HTTPError as error:
                if error.code != 429:
                    raise AssertionError(f"/api/session: {error.read().decode()}") from None
                time.sleep(float(error.headers["retry-after"]) + 0.5)
        raise AssertionError("/api/session: the address may never sign in again")

    def leave_something(self) -> None:
        """Pictures, requests, sessions and keys, so that some of the names in requests lead somewhere."""
        draw = {"prompt": "a fox", "n": 4, "size": "64x64", "response_format": "url"}
        _, headers = self.ask("/v1/images/generations", draw, authorization=f"Bearer {ACCESS_KEY}")
        for _ in range(3):
            self.sign_in()
        signed_in = {"cookie": f"{COOKIE}={self.cookie}", "sec-fetch-site": "same-origin"}
        pictures = [item["filename"] for item in self.ask("/api/gallery", **signed_in)[0]]
        sessions = [item["id"] for item in self.ask("/api/sessions", **signed_in)[0]["sessions"] if not item["current"]]
        keys = [key["id"] for key in self.ask("/api/key-pool", **signed_in)[0]["pool"]]
        clients = [self.ask("/api/client-keys", {"name": name}, **signed_in)[0]["item"]["id"] for name in ("one", "two", "three")]
        orders = [self.ask("/api/gallery/zip", {"filenames": pictures}, **signed_in)[0]["url"] for _ in range(4)]
        tickets = [address.rsplit("/", 1)[1] for address in orders]
        lists = {
            "pictures": pictures,
            "samples": [f"data:image/png;base64,{RED}", f"{self.url}/storage/{pictures[0]}"],
            "requests": [headers["x-request-id"]],
            "sessions": sessions,
            "keys": keys,
            "clients": clients,
            "tickets": tickets,
        }
        self.known = {"platform": self.platform, "picture": RED, "keys": keys}
        for name, values in lists.items():
            assert values, name
            (self.folder / f"{name}.txt").write_text("".join(f"{json.dumps(value)}\n" for value in values))

    def stop(self) -> None:
        """Ends both, and fails on a log that tells of a panic."""
        end(self.sim, signal.SIGINT)
        self.sim.stdout.close()
        assert self.gateway.poll() is None, f"the gateway ended with {self.gateway.returncode}\n{self.log.read_text()[-4000:]}"
        end(self.gateway, signal.SIGTERM)
        panics = [line for line in self.log.read_text().splitlines() if "panicked" in line]
        assert not panics, "\n".join(panics)


def change_settings(world: World) -> int:
    """Changes every setting to odd values: taken or refused, with the setting's name, and never a failure."""
    signed_in = {"cookie": f"{COOKIE}={world.cookie}", "content-type": "application/json", "sec-fetch-site": "same-origin"}
    paths = [setting["path"] for setting in world.ask("/api/config", **signed_in)[0]["settings"]]
    counts, wrong = {}, []
    paths = [path for path in paths if not path.startswith(NOT_SET) and (not path.startswith("providers.") or path.startswith(PLATFORMS))]
    for path in paths:
        for value in ODD:
            change = value
            for name in reversed(path.split(".")):
                change = {name: change}
            request = urllib.request.Request(f"{world.url}/api/runtime-config", json.dumps(change).encode(), signed_in)
            try:
                with OPENER.open(request, timeout=15) as answer:
                    status, body = answer.status, answer.read()
            except urllib.error.HTTPError as error:
                status, body = error.code, error.read()
            counts[status] = counts.get(status, 0) + 1
            param = json.loads(body).get("error", {}).get("param", path)
            if status not in (200, 400) or not param.startswith(path.split(".")[0]):
                wrong.append(f"{path} = {json.dumps(value)[:60]}: {status} {body.decode()[:300]}")
    print(f"settings: {len(paths)}, answers: {counts}", *wrong, sep="\n")
    world.ask("/api/config", **signed_in)
    return 1 if wrong else 0


def throw(world: World, part: str, further: list[str]) -> int:
    """A part: one run of schemathesis, or one for each of what is last. The exit code of one that failed."""
    if part == "end":
        codes = [run(world, part, ["--include-operation-id", operation, *further]) for operation in LAST]
    else:
        codes = [run(world, part, [*(word for operation in LAST for word in ("--exclude-operation-id", operation)), *further])]
    return max(codes)


def run(world: World, part: str, further: list[str]) -> int:
    which, role, most, checks = PARTS[part]
    shutil.copy(HERE / "schemathesis.toml", world.folder)
    config = world.folder / "schemathesis.toml"
    roles = {
        "caller": f'\n[auth.openapi.accessKey]\nbearer = "{ACCESS_KEY}"\n',
        "operator": f'\n[auth.openapi.session]\napi_key = "{world.cookie if part != "end" else world.sign_in()}"\n',
    }
    with config.open("a") as out:
        out.write(roles.get(role, ""))
    command = [SCHEMATHESIS, "--config-file", config, "run", f"{world.url}/openapi.json", "--max-examples", str(most), *which]
    if role == "operator":
        # It guesses at keys, and after five guesses the address waits (429). The part `open` and the Rust
        # tests (`admin::doors`) knock at the same doors.
        command += ["--exclude-checks", "ignored_auth"]
        # What changes something with a session says where it comes from, as browsers do.
        command += ["--header", "sec-fetch-site: same-origin"]
    if checks:
        command += ["--checks", ",".join([*CONFORMANCE, *checks])]
    environment = os.environ | {"SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE), "API_WORLD": json.dumps(world.known)}
    return subprocess.run([*command, *further], env=environment, cwd=world.folder).returncode


def main(arguments: list[str]) -> int:
    parts = arguments[:1] or list(PARTS)
    failed = []
    with tempfile.TemporaryDirectory(prefix="img-router-api-") as folder:
        world = World(Path(folder))
        try:
            for part in parts:
                began = time.monotonic()
                if (change_settings(world) if part == "settings" else throw(world, part, arguments[1:])) != 0:
                    failed.append(part)
                if part != "end":  # Else what came after it was only refused.
                    assert world.ask("/api/session", cookie=f"{COOKIE}={world.cookie}")[0]["signedIn"], "the session has ended"
                print(f"--- {part}: {time.monotonic() - began:.0f} s", flush=True)
        finally:
            if keep := os.environ.get("API_LOG"):
                shutil.copy(world.log, keep)
            world.stop()
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
