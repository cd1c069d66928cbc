"""What a user does in Open WebUI, with the gateway behind it. Every check prints a line; the last line counts them."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import MODEL, wait_until
from pictures import data_uri, png, without_metadata
from webui import pictures_in
from world import HERE, Known, World, files_of, good, sha

RED, GREEN = png(colour=(255, 0, 0)), png(colour=(0, 255, 0))
LEGACY = {"features": {"image_generation": True}, "params": {"function_calling": "legacy"}}
URL = {"response_format": "url"}
# What the gateway logs for each chat.
ANSWERED = 'method=POST path="/v1/chat/completions"'
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


@check
def models(world):
    offered = {model["id"] for model in world.webui.get("/api/models")["data"]}
    listed = {model["id"] for model in world.linked.client.get("/v1/models").json()["data"]}
    assert {MODEL, "gpt-image-1"} <= listed <= offered, f"{listed} are listed, {offered} offered"
    return f"all {len(listed)} are offered"


@check
def generate(world):
    mark = world.mark()
    return world.compare_files(good(world.generate(mark)), mark)


@check
def generate_two(world):
    mark = world.mark()
    files = good(world.generate(mark, n=2))
    assert len(files) == 2, files
    return world.compare_files(files, mark)


@check
def generate_with_gpt_image_id(world):
    """Then it sends no `response_format`."""
    mark = world.mark()
    world.webui.set_images(world.linked, "gpt-image-1")
    return world.compare_files(good(world.generate(mark)), mark)


@check
def generate_with_dall_e_id(world):
    mark = world.mark()
    world.webui.set_images(world.linked, "dall-e-3")
    return world.compare_files(good(world.generate(mark)), mark)


@check
def generate_as_data_uri(world):
    mark = world.mark()
    world.webui.set_images(world.bare, MODEL, URL)
    return world.compare_files(good(world.generate(mark)), mark, world.bare)


@check
def generate_as_private_link(world):
    """It fetches nothing from private addresses. Nobody gets there without asking for `url` in its settings."""
    mark = world.mark()
    world.webui.set_images(world.linked, MODEL, URL)
    answer = world.generate(mark)
    if answer.status_code == 200:
        return world.compare_files(answer.json(), mark)
    assert answer.status_code == 400 and "Blocked non-global address" in world.webui.log.read_text(), answer.text
    assert len(world.drawn(mark)) == 1, "not even drawn"
    return Known(f"Open WebUI does not fetch it: {answer.json()['detail']}")


@check
def generate_with_size_auto(world):
    """Which it takes for these ids only; and with an API version, as for Azure."""
    mark = world.mark()
    world.webui.set_images(world.linked, "gpt-image-1", IMAGE_SIZE="auto", IMAGES_OPENAI_API_VERSION="2025-04-01-preview")
    return world.compare_files(good(world.generate(mark)), mark)


@check
def generate_refused(world):
    mark = world.mark()
    answer = world.generate(f"{mark} [sim moderation]")
    assert answer.status_code == 400 and not world.drawn(mark), answer.text
    if "refused the content" in answer.json()["detail"]:
        return answer.json()["detail"]
    assert answer.json()["detail"] == "[ERROR: Bad Request]", answer.text
    return Known("Open WebUI shows the reason phrase only: Bad Request")


@check
def edit(world):
    mark = world.mark()
    outcome = world.compare_files(good(world.edit(mark, data_uri(RED))), mark)
    call = world.sim.one_call(mark)
    assert (call["path"], files_of(call)) == ("/v1/images/edits", [("image", sha(RED))]), call
    return outcome


@check
def edit_two(world):
    mark = world.mark()
    outcome = world.compare_files(good(world.edit(mark, [data_uri(GREEN), data_uri(RED)], size="512x512")), mark)
    assert [hash for _, hash in files_of(world.sim.one_call(mark))] == [sha(GREEN), sha(RED)]
    assert outcome.endswith("512x512"), outcome
    return outcome


@check
def edit_what_was_generated(world):
    first, mark = world.mark(), world.mark()
    [file] = good(world.generate(first))
    outcome = world.compare_files(good(world.edit(mark, [file["id"]], background="transparent")), mark)
    [(_, hash)] = files_of(world.sim.one_call(mark))
    assert [hash] == [sha(without_metadata(data)) for data in world.drawn(first)], "another picture was edited"
    return outcome


@check
def edit_with_gpt_image_id(world):
    mark = world.mark()
    world.webui.set_images(world.linked, "gpt-image-1")
    return world.compare_files(good(world.edit(mark, data_uri(RED))), mark)


@check
def chat_streamed(world):
    """Without a chat of its own, the stream is passed through."""
    mark, text, last = world.mark(), "", ""
    body = {"model": MODEL, "stream": True, "messages": [{"role": "user", "content": mark}]}
    with world.webui.client.stream("POST", "/api/chat/completions", json=body) as answer:
        assert answer.status_code == 200, answer.read()
        for line in filter(None, answer.iter_lines()):
            last = line
            if line.startswith("data: {"):
                text += "".join(choice["delta"].get("content") or "" for choice in json.loads(line[6:])["choices"])
    assert last == "data: [DONE]", last
    return world.compare_links(text, mark)


@check
def chat_at_once(world):
    mark = world.mark()
    answer = world.webui.ask("/api/chat/completions", model=MODEL, stream=False, messages=[{"role": "user", "content": mark}])
    return world.compare_links(answer["choices"][0]["message"]["content"], mark)


@check
def chat_in_its_page(world):
    mark = world.mark()
    message = world.webui.converse(mark, MODEL)
    world.sim.one_call(mark)
    return world.compare_links(message["content"], mark)


@check
def chat_with_picture(world):
    mark = world.mark()
    message = world.webui.converse(mark, MODEL, [world.webui.upload(RED)])
    outcome = world.compare_links(message["content"], mark)
    call = world.sim.one_call(mark)
    assert (call["path"], files_of(call)) == ("/v1/images/edits", [("image", sha(RED))]), call
    return outcome


@check
def chat_with_two_pictures(world):
    mark = world.mark()
    message = world.webui.converse(mark, MODEL, [world.webui.upload(GREEN), world.webui.upload(RED)])
    outcome = world.compare_links(message["content"], mark)
    assert [hash for _, hash in files_of(world.sim.one_call(mark))] == [sha(GREEN), sha(RED)]
    return outcome


@check
def chat_goes_on(world):
    """All that was said, pictures included, is sent again with every message, and not taken for a wish to edit."""
    first, mark = world.mark(), world.mark()
    before = world.webui.converse(first, MODEL, [world.webui.upload(RED)])
    message = world.webui.converse(mark, MODEL, before=before)
    outcome = world.compare_links(message["content"], mark)
    assert world.sim.one_call(mark)["path"] == "/v1/images/generations"
    return outcome


@check
def chat_with_slow_platform(world):
    mark = world.mark()
    began = time.monotonic()
    message = world.webui.converse(f"{mark} [sim delay=25000]", MODEL)
    return f"{world.compare_links(message['content'], mark)} after {time.monotonic() - began:.0f} s"


@check
def chat_refused(world):
    mark = world.mark()
    message = world.webui.converse(f"{mark} [sim moderation]", MODEL)
    assert not world.drawn(mark) and not message.get("content"), message
    assert "refused the content" in message["error"]["content"], message
    return f"shown: {message['error']['content'][:60]}…"


@check
def chat_refused_late(world):
    """Then the status has been sent, and the failure is an event of the stream."""
    mark = world.mark()
    message = world.webui.converse(f"{mark} [sim delay=3000 moderation]", MODEL)
    assert not world.drawn(mark) and not message.get("content"), message
    assert "refused the content" in message["error"]["content"]["message"], message
    return f"shown: {message['error']['content']['message'][:60]}…"


@check
def chat_with_image_switch(world):
    """Open WebUI then offers the model a tool that draws, which it need not call."""
    mark = world.mark()
    message = world.webui.converse(mark, MODEL, features={"image_generation": True})
    world.sim.one_call(mark)
    return world.compare_links(message["content"], mark)


@check
def chat_with_image_switch_without_tools(world):
    """For models that call no tools: the image engine draws, and the chat's model, which draws too, is told so."""
    mark = world.mark()
    message = world.webui.converse(mark, MODEL, **LEGACY)
    assert message["files"] and all(world.webui.file(file["url"])[1] in world.drawn(mark) for file in message["files"]), message
    return f"{len(message['files'])} by the image engine, {len(world.sim.calls(mark))} drawn in all"


@check
def chat_with_image_switch_without_tools_but_picture(world):
    mark = world.mark()
    message = world.webui.converse(mark, MODEL, [world.webui.upload(RED)], **LEGACY)
    assert message["files"] and all(world.webui.file(file["url"])[1] in world.drawn(mark) for file in message["files"]), message
    calls = world.sim.calls(mark)
    assert {call["path"] for call in calls} == {"/v1/images/edits"}, calls
    return f"{len(message['files'])} by the edit engine, {len(calls)} drawn in all"


@check
def chat_without_public_address(world):
    """Nothing is set on either side: answers hold whole pictures, and so does all that is sent again."""
    first, mark = world.mark(), world.mark()
    world.webui.connect(world.bare)
    before = world.webui.converse(first, MODEL)
    outcome = world.compare_links(before["content"], first, world.bare)
    message = world.webui.converse(mark, MODEL, before=before)
    world.compare_links(message["content"], mark, world.bare)
    call = world.sim.one_call(mark)
    [(_, hash)] = files_of(call)
    assert [hash] == [sha(without_metadata(data)) for data in world.drawn(first, world.bare)], "another picture was edited"
    return f"{outcome} inside the answer; the next message edits it"


@check
def chat_kept_by_open_webui(world):
    """With its setting that makes files of such pictures; they have addresses that only it knows."""
    first, mark = world.mark(), world.mark()
    world.keeping.connect(world.bare)
    before = world.keeping.converse(first, MODEL)
    outcome = world.compare_files([{"url": link} for link in pictures_in(before["content"])], first, world.bare, world.keeping)
    message = world.keeping.converse(mark, MODEL, before=before)
    assert len(pictures_in(message["content"])) == 1, message
    if world.sim.one_call(mark)["path"] == "/v1/images/edits":
        return f"{outcome}; the next message edits it"
    return Known(f"{outcome}; the next message has no picture to edit and draws anew")


@check
def chat_edits_its_last_picture(world):
    """`chat.continueFromLastImage`, with links, where the gateway may ask its own address."""
    first, mark = world.mark(), world.mark()
    world.webui.connect(world.open)
    before = world.webui.converse(first, MODEL)
    world.compare_links(before["content"], first, world.open)
    message = world.webui.converse(mark, MODEL, before=before)
    outcome = world.compare_links(message["content"], mark, world.open)
    [(_, hash)] = files_of(world.sim.one_call(mark))
    assert [hash] == [sha(without_metadata(data)) for data in world.drawn(first, world.open)], "another picture was edited"
    return outcome


@check
def chat_quotes_a_picture_of_the_gateway(world):
    """The gateway's own link in a message, where its address is private."""
    first, mark = world.mark(), world.mark()
    [link] = pictures_in(world.webui.converse(first, MODEL)["content"])
    message = world.webui.converse(f"{mark} ![fox]({link})", MODEL)
    if not message.get("error"):
        assert world.sim.one_call(mark)["path"] == "/v1/images/edits"
        return world.compare_links(message["content"], mark)
    assert "address is not allowed" in message["error"]["content"], message
    return Known("refused: the gateway does not know its own links, and its address is private")


@check
def chores(world):
    """A title, tags and follow-ups are asked of the chat's model, unless they are switched off, as for the checks above."""
    counts = {}
    world.webui.set_chores(True)
    for name, gateway in (("private links", world.linked), ("links it may ask", world.open), ("data URIs", world.bare)):
        mark, before = world.mark(), gateway.log.read_text().count(ANSWERED)
        world.webui.connect(gateway)
        world.webui.converse(mark, MODEL)
        wait_until("all four are asked", lambda: gateway.log.read_text().count(ANSWERED) >= before + 4)
        counts[name] = len(world.sim.calls(mark))
    told = "pictures drawn for one message: " + ", ".join(f"{count} with {name}" for name, count in counts.items())
    assert all(1 <= count <= 4 for count in counts.values()), told
    return told if set(counts.values()) == {1} else Known(told)


def picture_of_its_page(world):
    """Chromium writes a message and sees the picture."""
    mark = world.mark()
    command = ["node", HERE / "shot.mjs", world.webui.url, world.webui.token, MODEL, mark, os.environ["SHOT"]]
    seen = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert seen.returncode == 0, seen.stderr[-2000:]
    [shown] = json.loads(seen.stdout)
    world.compare_links(f"![]({shown['src']})", mark)
    assert (shown["width"], shown["height"]) == (1024, 1024), shown
    return f"{shown['width']}x{shown['height']} shown"


def run(world: World, function) -> str:
    """Runs a check from the usual settings, and prints its line. Returns the verdict."""
    began = time.monotonic()
    try:
        world.usual()
        outcome = function(world)
        verdict = "known" if isinstance(outcome, Known) else "good"
    except Exception as error:
        verdict, outcome = "FAILED", f"{type(error).__name__}: {error}"
    print(f"{verdict:6} {time.monotonic() - began:5.1f} s  {function.__name__.replace('_', ' '):48} {outcome}", flush=True)
    return verdict


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.environ.get("SHOT"):
        CHECKS.append(picture_of_its_page)
    chosen = [function for function in CHECKS if not sys.argv[1:] or any(part in function.__name__ for part in sys.argv[1:])]
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        try:
            verdicts = [run(world, function) for function in chosen]
        finally:
            world.stop()
    failed, known = verdicts.count("FAILED"), verdicts.count("known")
    print(f"{known} of them known limits" if known else "no known limits")
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
