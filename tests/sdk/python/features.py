"""What every client is asked to do, what the platform is told meanwhile, and which client has no such thing."""

from dataclasses import dataclass

REFUSAL, FAULT = "refused the content", "made no sense"


@dataclass(frozen=True)
class Fault:
    """What a caller is told: status, code, words of the message."""

    status: int
    code: str
    words: str


@dataclass(frozen=True)
class Feature:
    title: str
    directive: str = ""
    fault: Fault | None = None
    items: tuple[int, ...] = ()


FEATURES = {
    "generate_b64": Feature("generate, base64", items=(1,)),
    "generate_url": Feature("generate, address", items=(2,)),
    "generate_three": Feature("three pictures", items=(8,)),
    "edit_one": Feature("edit one picture", items=(10,)),
    "edit_many": Feature("edit several", items=(12,)),
    "edit_mask": Feature("mask", items=(26,)),
    "variations": Feature("variations", items=(33,)),
    "blend": Feature("blend", items=(32,)),
    "chat": Feature("chat", items=(34,)),
    "chat_pictures": Feature("pictures in chat", items=(34,)),
    "chat_stream": Feature("chat, streamed", items=(54, 60)),
    "chat_helper": Feature("stream helper", items=(54,)),
    "image_stream": Feature("pictures, streamed", items=(64,)),
    "edit_stream": Feature("edit, streamed", items=(65,)),
    "models": Feature("models", items=(78,)),
    "error_key": Feature("wrong key", fault=Fault(401, "invalid_api_key", "not known here"), items=(47,)),
    "error_request": Feature("wrong request", fault=Fault(400, "invalid_request_error", "size must be"), items=(46,)),
    "error_large": Feature("too large", fault=Fault(413, "request_too_large", "larger than"), items=(31, 46)),
    "error_unknown_model": Feature("unknown model", fault=Fault(404, "model_not_found", "no model"), items=(48, 80)),
    "error_refusal": Feature("refusal", "[sim moderation]", Fault(400, "content_policy_violation", REFUSAL), (50,)),
    "error_model": Feature("model gone", "[sim status=404 code=model_not_found]", Fault(404, "model_not_found", "does not have this model"), (48,)),
    "error_upstream": Feature("platform fails", "[sim status=500]", Fault(502, "upstream_error", FAULT), (46,)),
    "error_overloaded": Feature("overload", "[sim status=503]", Fault(503, "upstream_overloaded", "overloaded"), (46,)),
    "error_in_stream": Feature("failure in a stream", "[sim moderation delay=6000]", Fault(0, "content_policy_violation", REFUSAL), (62,)),
    "retry": Feature("comes again when told", items=(49,)),
    "no_retry": Feature("does not repeat what is final", "[sim moderation]", Fault(400, "content_policy_violation", REFUSAL), (50,)),
    "timeout": Feature("time-out", "[sim delay=12000]", items=(52,)),
    "cancel": Feature("cancel", "[sim delay=12000]", items=(52,)),
    "cancel_stream": Feature("cancel a stream", "[sim delay=12000]", items=(52,)),
    "error_rate_limit": Feature("rate limit", "[sim status=429 retry-after=7]", Fault(429, "rate_limit_exceeded", "limits the rate"), (49,)),
    "error_quota": Feature("no quota", "[sim status=402]", Fault(429, "insufficient_quota", "no quota left"), (49,)),
}
# Drawn at once by all clients, while the other tests run.
LONG = {
    "long_generate": Feature("two minutes", "[sim delay=120000]", items=(58,)),
    "long_chat": Feature("two minutes, streamed", "[sim delay=120000]", items=(58,)),
    "long_helper": Feature("two minutes, stream helper", "[sim delay=120000]", items=(58,)),
}

PICTURES = {"generate_b64", "generate_url", "generate_three"}
EDITS = {"edit_one", "edit_many", "edit_mask"}
OPENAI_ONLY = {"variations", "blend", "chat_helper", "image_stream", "edit_stream", "models", "error_unknown_model", "long_helper"}
# What a client has no function for. What is missing here must be there.
LACKS = {
    "openai-python 3": {"chat_helper", "long_helper"},
    "openai-python 2": {"chat_helper", "long_helper"},
    "AI SDK 7, openai-compatible": OPENAI_ONLY,
    "AI SDK 7, openai": OPENAI_ONLY | {"generate_url"},
    "AI SDK 6, openai-compatible": OPENAI_ONLY | {"generate_url"},
    "AI SDK 6, openai": OPENAI_ONLY | {"generate_url"},
    "LiteLLM 1": OPENAI_ONLY - {"variations", "models"},
    "LangChain 1, Python": OPENAI_ONLY | PICTURES | EDITS | {"error_large"},
    "LangChain 1, JavaScript": OPENAI_ONLY | EDITS,
    "async-openai 0": {"blend", "chat_helper", "long_helper"},
}
