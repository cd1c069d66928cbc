"""The S3 server and the gateway as processes; ends exactly those."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

GATEWAY = Path(os.environ["IMG_ROUTER_BIN"])
BUCKET = "pictures"
PREFIX = "img/router"
PROMPT = "a fox in the snow"
PATIENCE = 60.0
# No proxy of the environment stands before 127.0.0.1.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(what: str, condition, seconds: float = PATIENCE):
    """The first true value of `condition`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


def end(process: subprocess.Popen, how: int) -> None:
    process.send_signal(how)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Moto:
    """Moto's server. What comes after the bucket and the user were made must be signed by that user."""

    def __init__(self, folder: Path):
        self.port = free_port()
        self.log = folder / "moto.log"
        # The calls below that cannot be signed yet.
        environment = os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": "4"}
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        with self.log.open("w") as out:
            self.process = subprocess.Popen(command, env=environment, stdout=out, stderr=out)
        wait_until("moto listens", self.listens)
        iam = self.client("iam", "none", "none")
        iam.create_user(UserName="gateway")
        key = iam.create_access_key(UserName="gateway")["AccessKey"]
        self.access_key, self.secret_key = key["AccessKeyId"], key["SecretAccessKey"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=json.dumps(policy))
        self.client("s3", "none", "none").create_bucket(Bucket=BUCKET)
        self.s3 = self.client("s3", self.access_key, self.secret_key)

    def client(self, service: str, access_key: str, secret_key: str):
        return boto3.client(
            service,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(retries={"max_attempts": 1}, proxies={}, s3={"addressing_style": "path"}),
        )

    def listens(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def keys(self, bucket: str = BUCKET) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))

    def read(self, key: str, bucket: str = BUCKET) -> tuple[bytes, str]:
        answer = self.s3.get_object(Bucket=bucket, Key=key)
        return answer["Body"].read(), answer["ContentType"]

    def stop(self) -> None:
        end(self.process, signal.SIGTERM)


class Gateway:
    """A gateway in demo mode with a data folder that outlives its processes."""

    def __init__(self, folder: Path, environment: dict[str, str]):
        self.data = folder / "data"
        self.data.mkdir()
        self.log = folder / "gateway.log"
        self.port = free_port()
        self.environment = environment
        self.process = None
        self.start()

    def start(self, **more: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("IMG_ROUTER_")}
        environment |= {"PORT": str(self.port), "IMG_ROUTER_HOST": "127.0.0.1", "IMG_ROUTER_DATA_DIR": str(self.data)}
        environment |= {"IMG_ROUTER_DEMO": "1", "IMG_ROUTER_PUBLIC_BASE_URL": self.url} | self.environment | more
        with self.log.open("a") as out:
            self.process = subprocess.Popen([GATEWAY, "serve"], env=environment, stdout=out, stderr=out)
        wait_until("the gateway is ready", self.is_ready)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return OPENER.open(f"{self.url}/ready", timeout=5).status == 200
        except OSError:
            return False

    def draw(self, n: int = 1, size: str = "256x256") -> list[str]:
        """The addresses of `n` pictures."""
        document = {"prompt": PROMPT, "n": n, "size": size, "response_format": "url"}
        headers = {"authorization": "Bearer demo", "content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}/v1/images/generations", json.dumps(document).encode(), headers)
        try:
            with OPENER.open(request, timeout=60) as answer:
                addresses = [item["url"] for item in json.load(answer)["data"]]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
        assert len(addresses) == n
        return addresses

    def stored(self) -> dict[str, Path]:
        """Every file in storage by its path there: pictures and their metadata."""
        root = self.data / "storage"
        return {str(file.relative_to(root)): file for file in root.rglob("*") if file.is_file()}

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            end(self.process, how)

    def says(self, text: str) -> bool:
        return text in self.log.read_text()


def is_mirrored(moto: Moto, gateway: Gateway) -> bool:
    return moto.keys() == sorted(f"{PREFIX}/{path}" for path in gateway.stored())


def assert_mirror(moto: Moto, gateway: Gateway, pictures: int) -> None:
    """The bucket holds each picture with its metadata, once, byte for byte, and nothing else."""
    stored = gateway.stored()
    assert len(stored) == 2 * pictures
    wait_until("the bucket holds what is stored", lambda: is_mirrored(moto, gateway))
    for path, file in stored.items():
        body, media_type = moto.read(f"{PREFIX}/{path}")
        if path.endswith(".json"):
            assert media_type == "application/json"
            assert json.loads(body) == json.loads(file.read_text())
        else:
            assert media_type == "image/png"
            assert body == file.read_bytes()
