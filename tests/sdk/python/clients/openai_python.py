"""Drives a gateway with openai-python, its major being the one that is installed."""

import asyncio
import warnings

import openai
from openai.types import ImagesResponse
from stage import Stage, play, until_drawing, uri

warnings.simplefilter("ignore", DeprecationWarning)
stage = Stage.read()


def connect(**more) -> openai.OpenAI:
    return openai.OpenAI(**{"api_key": stage.key, "base_url": stage.v1, "_strict_response_validation": True} | more)


client = connect()
strict = connect(max_retries=0)


def pictures(answer) -> dict:
    return {"pictures": [{"url": item.url} if item.url else {"b64": item.b64_json} for item in answer.data]}


def generate(prompt: str, by=client, **more) -> dict:
    return pictures(by.images.generate(**{"prompt": prompt, "model": stage.gpt} | more))


def fails(prompt: str, by=strict, **more) -> dict:
    return generate(prompt, by, **{"model": stage.model} | more)


def edit(prompt: str, image, **more) -> dict:
    return pictures(client.images.edit(image=image, prompt=prompt, model=stage.gpt, **more))


def variations(_: str) -> dict:
    return pictures(client.images.create_variation(image=stage.own, response_format="b64_json", size="512x512"))


def blend(prompt: str) -> dict:
    body = {"prompt": prompt, "model": stage.gpt, "images": [uri(stage.blue), uri(stage.red)]}
    return pictures(client.post("/images/blend", body=body, cast_to=ImagesResponse))


def talk(content, **more) -> dict:
    return {"model": stage.model, "messages": [{"role": "user", "content": content}], **more}


def chat(content) -> dict:
    [choice] = client.chat.completions.create(**talk(content)).choices
    return {"text": choice.message.content, "finish": choice.finish_reason}


def chat_pictures(prompt: str) -> dict:
    parts = [{"type": "image_url", "image_url": {"url": uri(picture)}} for picture in (stage.blue, stage.red)]
    return chat([{"type": "text", "text": prompt}, *parts])


def chat_stream(prompt: str) -> dict:
    text, finish = "", None
    for chunk in client.chat.completions.create(**talk(prompt, stream=True, stream_options={"include_usage": True})):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return {"text": text, "finish": finish}


def events(stream) -> dict:
    seen = list(stream)
    return {"events": [event.type for event in seen], "pictures": [{"b64": event.b64_json} for event in seen]}


async def cancel(prompt: str) -> dict:
    async with openai.AsyncOpenAI(api_key=stage.key, base_url=stage.v1) as own:
        drawing = asyncio.create_task(own.images.generate(prompt=prompt, model=stage.model))
        await asyncio.to_thread(until_drawing, stage, prompt)
        drawing.cancel()
        await asyncio.wait([drawing])
        return {"cancelled": drawing.cancelled()}


def cancel_stream(prompt: str) -> dict:
    stream = client.chat.completions.create(**talk(prompt, stream=True))
    first = next(stream)
    stream.close()
    return {"cancelled": first.choices[0].delta.role == "assistant"}


FEATURES = {
    "generate_b64": generate,
    "generate_url": lambda prompt: generate(prompt, model=stage.model, response_format="url"),
    "generate_three": lambda prompt: generate(prompt, n=3),
    "edit_one": lambda prompt: edit(prompt, stage.red),
    "edit_many": lambda prompt: edit(prompt, [stage.blue, stage.red]),
    "edit_mask": lambda prompt: edit(prompt, stage.red, mask=stage.mask),
    "variations": variations,
    "blend": blend,
    "chat": chat,
    "chat_pictures": chat_pictures,
    "chat_stream": chat_stream,
    "image_stream": lambda prompt: events(client.images.generate(prompt=prompt, model=stage.gpt, n=2, stream=True)),
    "edit_stream": lambda prompt: events(client.images.edit(image=stage.red, prompt=prompt, model=stage.gpt, stream=True)),
    "models": lambda _: {"models": [model.id for model in client.models.list()]},
    "error_key": lambda prompt: fails(prompt, connect(api_key="wrong", max_retries=0)),
    "error_request": lambda prompt: fails(prompt, size="large"),
    "error_large": lambda prompt: fails(prompt + "x" * stage.too_large),
    "error_unknown_model": lambda _: {"models": [strict.models.retrieve("no-such-model").id]},
    "error_refusal": fails,
    "error_model": fails,
    "error_upstream": fails,
    "error_overloaded": fails,
    "error_rate_limit": fails,
    "error_quota": fails,
    "error_in_stream": chat_stream,
    "retry": generate,
    "no_retry": generate,
    "timeout": lambda prompt: fails(prompt, connect(max_retries=0, timeout=3)),
    "cancel": cancel,
    "cancel_stream": cancel_stream,
    "long_generate": generate,
    "long_chat": chat_stream,
}
asyncio.run(play(FEATURES, stage))
