"""What the drivers in Python share: they read a stage, do its features and print one JSON line for each."""

import asyncio
import base64
import inspect
import json
import sys
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path


class Unsupported(Exception):
    """The client has no such thing."""


@dataclass
class Stage:
    v1: str
    key: str
    model: str
    gpt: str
    too_large: int
    together: bool
    prompts: dict[str, str]
    red: bytes
    blue: bytes
    mask: bytes
    own: bytes
    folder: Path
    drawing: str

    @classmethod
    def read(cls) -> "Stage":
        fields = json.loads(Path(sys.argv[1]).read_text())
        for name in ("red", "blue", "mask", "own"):
            fields[name] = base64.b64decode(fields[name])
        return cls(**fields | {"folder": Path(fields["folder"])})


def until_drawing(stage: Stage, prompt: str) -> None:
    """Waits until the platform is asked to draw this prompt."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    opener.open(f"{stage.drawing}?prompt=" + urllib.parse.quote(prompt), timeout=30).read()


def uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def told(error: BaseException) -> dict:
    """What a user sees of an error."""
    seen = {"kind": type(error).__name__, "message": str(error)}
    for name, attribute in (("status", "status_code"), ("code", "code")):
        if isinstance(value := getattr(error, attribute, None), str | int):
            seen[name] = value
    return seen


async def report(features: dict, stage: Stage, feature: str) -> None:
    try:
        if feature not in features:
            raise Unsupported
        act = features[feature]
        prompt = stage.prompts[feature]
        record = await act(prompt) if inspect.iscoroutinefunction(act) else await asyncio.to_thread(act, prompt)
    except Unsupported:
        record = {"unsupported": True}
    except Exception as error:
        record = {"error": told(error)}
    print(json.dumps({"feature": feature, **record}), flush=True)


async def play(features: dict, stage: Stage) -> None:
    acts = [report(features, stage, feature) for feature in stage.prompts]
    if stage.together:
        await asyncio.gather(*acts)
    else:
        for act in acts:
            await act
