"""Callers that go away while the platform draws."""

import openai
import pytest
from conftest import connect
from harness import MODEL, wait_until
from pictures import look
from test_edit import RED


def stored(gateway, mark):
    """The stored picture of a prompt, once it is there."""

    def find():
        pictures = [file.with_name(file.name.removesuffix(".json")) for file in gateway.sidecars(mark)]
        # A file is there a moment before the gateway hands it out.
        return pictures if pictures and all(gateway.client.get(f"/storage/{picture.name}").status_code == 200 for picture in pictures) else None

    return wait_until("the picture is stored", find, 60)


def leave(client, how, prompt):
    if how == "generate":
        client.images.generate(prompt=prompt, model=MODEL)
    elif how == "edit":
        client.images.edit(prompt=prompt, model=MODEL, image=RED)
    else:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": prompt}])


@pytest.mark.c08(52)
@pytest.mark.parametrize("how", ["generate", "edit", "chat"])
def test_picture_is_kept(gateway, sim, mark, how):
    # Long enough for the platform to be asked, and left long before it answers.
    with connect(gateway, timeout=3) as client, pytest.raises(openai.APITimeoutError):
        leave(client, how, f"{mark} [sim delay=10000]")
    assert sim.one_call(mark)["outcome"]["kind"] == "open"
    [picture] = stored(gateway, mark)
    assert look(picture.read_bytes()).format == "png"
    call = sim.one_call(mark)
    assert (call["client_gone"], call["outcome"]["kind"]) == (False, "answered")
    assert gateway.client.get(f"/storage/{picture.name}").content == picture.read_bytes()


@pytest.mark.c08(52)
def test_picture_of_a_closed_stream_is_kept(client, gateway, sim, mark):
    stream = client.chat.completions.create(model=MODEL, stream=True, messages=[{"role": "user", "content": f"{mark} [sim delay=10000]"}])
    assert next(stream).choices[0].delta.role == "assistant"
    wait_until("the platform draws", lambda: len(sim.calls(mark)) == 1, 60)
    stream.close()
    assert len(stored(gateway, mark)) == 1
    assert len(sim.calls(mark)) == 1


@pytest.mark.c08(52)
def test_gateway_is_well_afterwards(gateway, mark):
    for number in range(5):
        with connect(gateway, timeout=2) as client, pytest.raises(openai.APITimeoutError):
            client.images.generate(prompt=f"{mark} {number} [sim delay=8000]", model=MODEL)
    with connect(gateway) as client:
        assert client.images.generate(prompt=f"{mark} last", model=MODEL).data
    wait_until("all six pictures are stored", lambda: len(gateway.sidecars(mark)) == 6, 60)
