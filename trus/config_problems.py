"""What in a config does not fit its schema, in words: key, value and remedy."""

from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError


def find_problems(schema: type, config: dict[str, Any]) -> list[str]:
    """What in `config` does not fit the pydantic dataclass `schema`, a line each: key, value and remedy."""
    try:
        TypeAdapter(schema).validate_python(config)
        return []
    except ValidationError as error:
        return list(dict.fromkeys(_explain(problem, schema) for problem in error.errors()))


def _explain(problem: Any, schema: type) -> str:
    path = [str(part) for part in problem["loc"]]
    if path[:2] == ["split", "fold"]:  # a union: pydantic would tell why it is neither
        return f"split.fold={problem['input']}: a fold's number, counted from 0, or all"
    text = f"{'.'.join(path)}={problem['input']!r}: {problem['msg']}"
    if problem["type"] == "unexpected_keyword_argument":
        for part in path[:-1]:
            hint = get_type_hints(schema)[part]
            schema = next((kind for kind in get_args(hint) if isinstance(kind, type) and is_dataclass(kind)), hint)
        return f"{'.'.join(path)}: unknown; valid here are {', '.join(field.name for field in fields(schema))}"
    return text
