"""Open WebUI as a process of its own, and its HTTP API as a browser uses it."""

import os
import re
import signal
import subprocess
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from harness import Gateway, end, free_port, wait_until

HERE = Path(__file__).parent
EMAIL, PASSWORD = "admin@example.com", "correct horse battery"
# The first start makes the database with a hundred migrations.
START = 180.0
MARKDOWN = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")
SETTINGS = {
    "WEBUI_SECRET_KEY": "only-for-this-test",
    # What is not installed is not imported.
    "USE_SLIM_DOCKER": "true",
    "OFFLINE_MODE": "true",
    "HF_HUB_OFFLINE": "1",
    "ENABLE_VERSION_UPDATE_CHECK": "false",
    "ENABLE_OLLAMA_API": "false",
    "DO_NOT_TRACK": "1",
    "ANONYMIZED_TELEMETRY": "false",
    "SCARF_NO_ANALYTICS": "true",
}
# Data URIs in answers become files of its own. Off, unless the operator wants it.
KEEPING = {"ENABLE_CHAT_RESPONSE_BASE64_IMAGE_URL_CONVERSION": "true"}


@dataclass
class OpenWebUI:
    process: subprocess.Popen
    url: str
    log: Path
    client: httpx2.Client = field(repr=False)
    token: str = ""

    @classmethod
    def start(cls, folder: Path, settings: dict[str, str] | None = None) -> "OpenWebUI":
        """Starts it on this new data folder, and signs its first user up, who is its administrator."""
        folder.mkdir()
        port = free_port()
        environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "NO_PROXY", "no_proxy") if name in os.environ}
        environment |= SETTINGS | (settings or {})
        environment |= {"HOME": str(folder), "DATA_DIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [HERE / ".venv/bin/open-webui", "serve", "--host", "127.0.0.1", "--port", str(port)]
        log = folder.parent / f"{folder.name}.log"
        with log.open("w") as out:
            process = subprocess.Popen(command, env=environment, stdout=out, stderr=out, cwd=folder)
        client = httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120)
        webui = cls(process, f"http://127.0.0.1:{port}", log, client)
        try:
            wait_until("Open WebUI is ready", webui.is_ready, START)
            user = webui.ask("/api/v1/auths/signup", name="Admin", email=EMAIL, password=PASSWORD)
            assert user["role"] == "admin", user
        except AssertionError as error:
            webui.stop()
            raise AssertionError(f"{error}\n{log.read_text()[-4000:]}") from None
        webui.token = user["token"]
        client.headers["authorization"] = f"Bearer {webui.token}"
        return webui

    def is_ready(self) -> bool:
        assert self.process.poll() is None, f"Open WebUI ended with {self.process.returncode}"
        try:
            return self.client.get("/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def ask(self, path: str, **fields):
        """Posts a document and takes nothing but a good answer."""
        answer = self.client.post(path, json=fields)
        assert answer.status_code == 200, f"{path} answered {answer.status_code}: {answer.text[:500]}"
        return answer.json()

    def get(self, path: str):
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path} answered {answer.status_code}: {answer.text[:500]}"
        return answer.json()

    def connect(self, gateway: Gateway) -> None:
        """Admin panel, Connections: the gateway is the one place where chats go."""
        self.ask("/openai/verify", url=gateway.v1, key=gateway.key)
        connection = {"OPENAI_API_BASE_URLS": [gateway.v1], "OPENAI_API_KEYS": [gateway.key], "OPENAI_API_CONFIGS": {}}
        self.ask("/openai/config/update", ENABLE_OPENAI_API=True, **connection)
        self.get("/api/models?refresh=true")

    def set_images(self, gateway: Gateway, model: str, parameters: dict | None = None, **more) -> None:
        """Admin panel, Images: both engines are the gateway, with this model."""
        images = self.get("/api/v1/images/config") | {"IMAGES_OPENAI_API_VERSION": ""}
        images |= {"ENABLE_IMAGE_GENERATION": True, "ENABLE_IMAGE_PROMPT_GENERATION": False, "IMAGE_SIZE": "1024x1024"}
        images |= {"IMAGE_GENERATION_ENGINE": "openai", "IMAGE_GENERATION_MODEL": model, "IMAGES_OPENAI_API_PARAMS": parameters or {}}
        images |= {"IMAGES_OPENAI_API_BASE_URL": gateway.v1, "IMAGES_OPENAI_API_KEY": gateway.key}
        images |= {"ENABLE_IMAGE_EDIT": True, "IMAGE_EDIT_ENGINE": "openai", "IMAGE_EDIT_MODEL": model, "IMAGE_EDIT_SIZE": ""}
        images |= {"IMAGES_EDIT_OPENAI_API_BASE_URL": gateway.v1, "IMAGES_EDIT_OPENAI_API_KEY": gateway.key}
        self.ask("/api/v1/images/config/update", **(images | more))

    def set_chores(self, on: bool) -> None:
        """Admin panel, Interface: whether models are asked for titles, tags and follow-up questions too."""
        chores = ("ENABLE_TITLE_GENERATION", "ENABLE_TAGS_GENERATION", "ENABLE_FOLLOW_UP_GENERATION")
        self.ask("/api/v1/tasks/config/update", **(self.get("/api/v1/tasks/config") | dict.fromkeys(chores, on)))

    def upload(self, picture: bytes) -> dict:
        """A picture dropped into the message field: what the message then says of it."""
        answer = self.client.post("/api/v1/files/?process=false", files={"file": ("otter.png", picture, "image/png")})
        assert answer.status_code == 200, answer.text
        number = answer.json()["id"]
        return {"type": "image", "id": number, "url": number, "name": "otter.png", "content_type": "image/png", "status": "uploaded"}

    def file(self, url: str) -> tuple[str, bytes]:
        """Type and content of a stored file, by the address that Open WebUI shows."""
        assert re.fullmatch(r"/api/v1/files/[0-9a-f-]{36}/content", url), url
        answer = self.client.get(url)
        assert answer.status_code == 200, answer.text
        return answer.headers["content-type"], answer.content

    def begin(self, prompt: str, model: str, files: list[dict] = (), before: dict | None = None, **more) -> tuple[str, str]:
        """Sends a message as its page does. Returns the chat's and the answer's id."""
        user, answer = str(uuid.uuid4()), str(uuid.uuid4())
        parent = before["id"] if before else None
        message = {"id": user, "parentId": parent, "childrenIds": [answer], "role": "user", "content": prompt, "models": [model]}
        if files:
            message["files"] = list(files)
        document = {"model": model, "stream": True, "session_id": "driven-by-a-test", "id": answer, "parent_id": parent}
        document |= {"messages": [{"role": "user", "content": prompt}], "user_message": message}
        if before:
            document |= {"chat_id": before["chat"]}
        document |= {"features": {}, "background_tasks": dict.fromkeys(("title_generation", "tags_generation", "follow_up_generation"), True)}
        return self.ask("/api/chat/completions", **(document | more))["chat_id"], answer

    def message(self, chat: str, number: str) -> dict:
        return self.get(f"/api/v1/chats/{chat}")["chat"]["history"]["messages"][number] | {"chat": chat}

    def converse(self, prompt: str, model: str, files: list[dict] = (), before: dict | None = None, **more) -> dict:
        """The answer to a message, as it is kept in the chat when it is done."""
        chat, number = self.begin(prompt, model, files, before, **more)
        return wait_until("the answer is done", lambda: self.done(chat, number), 90)

    def done(self, chat: str, number: str) -> dict | None:
        message = self.message(chat, number)
        return message if message.get("done") else None

    def stop(self) -> None:
        self.client.close()
        end(self.process, signal.SIGTERM)


def pictures_in(text: str) -> list[str]:
    """The addresses of a message's Markdown pictures."""
    return MARKDOWN.findall(text)

