"""Drives a gateway with langchain-openai, which draws by chat."""

import asyncio

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from stage import Stage, play, until_drawing, uri

stage = Stage.read()


def connect(**more) -> ChatOpenAI:
    return ChatOpenAI(**{"model": stage.model, "api_key": stage.key, "base_url": stage.v1} | more)


def chat(content, by=None) -> dict:
    answer = (by or connect()).invoke([HumanMessage(content)])
    return {"text": answer.content, "finish": answer.response_metadata["finish_reason"]}


def chat_pictures(prompt: str) -> dict:
    parts = [{"type": "image_url", "image_url": {"url": uri(picture)}} for picture in (stage.blue, stage.red)]
    return chat([{"type": "text", "text": prompt}, *parts])


def chat_stream(prompt: str) -> dict:
    whole = None
    for chunk in connect(stream_usage=True).stream(prompt):
        whole = chunk if whole is None else whole + chunk
    return {"text": whole.content, "finish": whole.response_metadata["finish_reason"]}


def fails(prompt: str, **more) -> dict:
    return chat(prompt, connect(**{"max_retries": 0} | more))


async def cancel(prompt: str) -> dict:
    drawing = asyncio.create_task(connect().ainvoke(prompt))
    await asyncio.to_thread(until_drawing, stage, prompt)
    drawing.cancel()
    await asyncio.wait([drawing])
    return {"cancelled": drawing.cancelled()}


async def cancel_stream(prompt: str) -> dict:
    stream = connect().astream(prompt)
    first = await anext(stream)
    await stream.aclose()
    return {"cancelled": first.content == ""}


FEATURES = {
    "chat": chat,
    "chat_pictures": chat_pictures,
    "chat_stream": chat_stream,
    "error_key": lambda prompt: fails(prompt, api_key="wrong"),
    "error_request": lambda prompt: fails(prompt, extra_body={"size": "large"}),
    "error_refusal": fails,
    "error_model": fails,
    "error_upstream": fails,
    "error_overloaded": fails,
    "error_rate_limit": fails,
    "error_quota": fails,
    "error_in_stream": chat_stream,
    "retry": chat,
    "no_retry": chat,
    "timeout": lambda prompt: fails(prompt, timeout=3),
    "cancel": cancel,
    "cancel_stream": cancel_stream,
    "long_generate": chat,
    "long_chat": chat_stream,
}
asyncio.run(play(FEATURES, stage))
