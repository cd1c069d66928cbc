"""OpenAI's own description of its answers, and a check against it."""

import json
from pathlib import Path

from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent.parent / "schemas"
_VALIDATORS: dict[str, Draft202012Validator] = {}


def check(value: object, name: str) -> None:
    """Fails with every place where `value` is not what the schema `name` says."""
    if name not in _VALIDATORS:
        schema = json.loads((FOLDER / f"{name}.json").read_text())
        Draft202012Validator.check_schema(schema)
        _VALIDATORS[name] = Draft202012Validator(schema)
    errors = [f"{error.json_path}: {error.message[:200]}" for error in _VALIDATORS[name].iter_errors(value)]
    assert not errors, "\n".join([f"not a {name}:", *errors])


def check_error(value: object) -> dict:
    """The error object with its four keys."""
    check(value, "ErrorResponse")
    error = value["error"]
    assert {"message", "type", "param", "code"} <= error.keys()
    assert error["message"].strip()
    return error
