"""Drawings of two minutes, begun when the run began: nothing is lost, and no stream falls silent."""

import openai
import pytest
from drivers import mark_of
from features import LACKS, LONG
from longrun import SECONDS, THROUGH, WATCHED, again
from pictures import look
from test_clients import cases, check_pictures
from test_leaving import stored
from wire import events_of


@pytest.mark.parametrize(("client", "feature"), cases(LONG))
def test_two_minutes(long, cell, client, feature):
    record = long.drivers[client.name].finish()[feature]
    if feature in LACKS.get(client.name, set()):
        cell(client, feature, "lacks")
        assert record.get("unsupported") is True, "the client has it after all"
        return
    cell(client, feature)
    check_pictures(long.gateway, record, 1)
    call = long.sim.one_call(mark_of(client, feature))
    assert call["ended_ms"] - call["at_ms"] >= SECONDS * 1000


@pytest.mark.c08(56)
@pytest.mark.parametrize("name", WATCHED)
def test_beats_come_often_enough(long, name):
    long.wait()
    watched = long.watched[name]
    assert not watched.error
    times = [moment for moment, _ in watched.pieces]
    assert times[-1] - times[0] > SECONDS - 10
    assert max(later - earlier for earlier, later in zip(times, times[1:], strict=False)) <= 15
    comments = [moment for moment, data in watched.pieces if data.startswith(b":")]
    assert all(later - earlier >= 5 for earlier, later in zip(comments, comments[1:], strict=False))


@pytest.mark.c08(57)
@pytest.mark.parametrize("name", WATCHED)
def test_beats_break_no_client(long, name):
    long.wait()
    watched = long.watched[name]
    # It fails on ids, retries, events without data, and on anything inside an event.
    events = events_of(watched.text)
    beats = [data for _, data in watched.pieces if data.startswith(b":")]
    if name == "beats_chat":
        chunks = [event.json() for event in events[:-1]]
        empty = [chunk for chunk in chunks if chunk["choices"][0]["delta"].get("content") == ""]
        assert len(empty) >= SECONDS // 15
        assert not beats
    else:
        assert len(beats) >= SECONDS // 15
        # One line, and no blank one after it: some clients take that for an empty event.
        assert all(beat.count(b"\n") == 1 and beat.endswith(b"\n") for beat in beats)


@pytest.mark.c08(52)
@pytest.mark.parametrize("name", [name for name in THROUGH if name.startswith("cut")])
def test_connection_cut_after_100_seconds_loses_nothing(long, name):
    long.wait()
    assert type(long.through[name]).__name__ == "APIConnectionError", long.through[name]
    [picture] = stored(long.gateway, long.mark(name))
    assert look(long.gateway.client.get(f"/storage/{picture.name}").content).format == "png"
    assert long.sim.one_call(long.mark(name))["client_gone"] is False
    # Its caller finds it by its id, and by sending the same again.
    headers = {"authorization": f"Bearer {long.gateway.key}"}
    found = long.gateway.client.get(f"/v1/images/requests/{again(name)['x-request-id']}", headers=headers)
    assert found.status_code == 200, found.text
    with openai.OpenAI(api_key=long.gateway.key, base_url=long.gateway.v1, max_retries=0) as client:
        repeated = THROUGH[name](client, long.prompt(name))
    answer = found.json()
    if name == "cut_chat":
        assert picture.name in repeated.choices[0].message.content == answer["choices"][0]["message"]["content"]
    else:
        assert [item.model_dump(exclude_none=True) for item in repeated.data] == answer["data"]
    assert long.sim.one_call(long.mark(name))


@pytest.mark.c08(56)
@pytest.mark.parametrize("name", [name for name in THROUGH if name.startswith("kept")])
def test_beats_keep_a_connection_that_silence_would_cut(long, name):
    long.wait()
    seen = long.through[name]
    if name == "kept_chat":
        assert "![image1](" in "".join(content or "" for content in seen)
    else:
        assert seen == ["image_generation.completed" if name == "kept_pictures" else "image_edit.completed"]


@pytest.mark.c08(52, 99)
def test_only_silent_connections_were_cut(long):
    long.wait()
    assert long.proxy.cuts == sum(name.startswith("cut") for name in THROUGH)
