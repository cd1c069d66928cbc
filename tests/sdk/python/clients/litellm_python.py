"""Drives a gateway with LiteLLM as a client: the provider `openai` at an address of one's own."""

import asyncio
import os

# Its list of prices would be fetched at every start.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
import litellm
from stage import Stage, play, until_drawing, uri

stage = Stage.read()
litellm.telemetry = False
litellm.suppress_debug_info = True
HERE = {"api_base": stage.v1, "api_key": stage.key}


def pictures(answer) -> dict:
    return {"pictures": [{"url": item.url} if item.url else {"b64": item.b64_json} for item in answer.data]}


def generate(prompt: str, **more) -> dict:
    return pictures(litellm.image_generation(**{"prompt": prompt, "model": f"openai/{stage.gpt}", **HERE} | more))


def fails(prompt: str, **more) -> dict:
    return generate(prompt, **{"model": f"openai/{stage.model}", "max_retries": 0} | more)


def edit(prompt: str, image, **more) -> dict:
    return pictures(litellm.image_edit(image=image, prompt=prompt, model=f"openai/{stage.gpt}", **HERE, **more))


def variations(_: str) -> dict:
    model = f"openai/{stage.model}"
    return pictures(litellm.image_variation(model=model, image=stage.own, size="512x512", **HERE))


def talk(content, **more) -> dict:
    return {"model": f"openai/{stage.model}", "messages": [{"role": "user", "content": content}], **HERE, **more}


def chat(content) -> dict:
    [choice] = litellm.completion(**talk(content)).choices
    return {"text": choice.message.content, "finish": choice.finish_reason}


def chat_pictures(prompt: str) -> dict:
    parts = [{"type": "image_url", "image_url": {"url": uri(picture)}} for picture in (stage.blue, stage.red)]
    return chat([{"type": "text", "text": prompt}, *parts])


def chat_stream(prompt: str) -> dict:
    text, finish = "", None
    for chunk in litellm.completion(**talk(prompt, stream=True, stream_options={"include_usage": True})):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            finish = choice.finish_reason or finish
    return {"text": text, "finish": finish}


def models(_: str) -> dict:
    here = {"api_base": stage.v1.removesuffix("/v1"), "api_key": stage.key}
    found = litellm.get_valid_models(check_provider_endpoint=True, custom_llm_provider="openai", **here)
    return {"models": [name.removeprefix("openai/") for name in found]}


async def cancel(prompt: str) -> dict:
    drawing = asyncio.create_task(litellm.aimage_generation(prompt=prompt, model=f"openai/{stage.model}", **HERE))
    await asyncio.to_thread(until_drawing, stage, prompt)
    drawing.cancel()
    await asyncio.wait([drawing])
    return {"cancelled": drawing.cancelled()}


async def cancel_stream(prompt: str) -> dict:
    stream = await litellm.acompletion(**talk(prompt, stream=True))
    async for chunk in stream:
        await stream.completion_stream.close()
        return {"cancelled": bool(chunk.choices)}
    return {"cancelled": False}


FEATURES = {
    "generate_b64": generate,
    "generate_url": lambda prompt: generate(prompt, model=f"openai/{stage.model}"),
    "generate_three": lambda prompt: generate(prompt, n=3),
    "edit_one": lambda prompt: edit(prompt, stage.red),
    "edit_many": lambda prompt: edit(prompt, [stage.blue, stage.red]),
    "edit_mask": lambda prompt: edit(prompt, stage.red, mask=stage.mask),
    "variations": variations,
    "chat": chat,
    "chat_pictures": chat_pictures,
    "chat_stream": chat_stream,
    "models": models,
    "error_key": lambda prompt: fails(prompt, api_key="wrong"),
    "error_request": lambda prompt: fails(prompt, size="large"),
    "error_large": lambda prompt: fails(prompt + "x" * stage.too_large),
    "error_refusal": fails,
    "error_model": fails,
    "error_upstream": fails,
    "error_overloaded": fails,
    "error_rate_limit": fails,
    "error_quota": fails,
    "error_in_stream": chat_stream,
    "retry": generate,
    "no_retry": generate,
    "timeout": lambda prompt: fails(prompt, timeout=3),
    "cancel": cancel,
    "cancel_stream": cancel_stream,
    "long_generate": generate,
    "long_chat": chat_stream,
}
asyncio.run(play(FEATURES, stage))
