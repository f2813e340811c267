"""How ids, names and reasons are written on the command line; what cannot be one is a wrong call, said before any work."""

from collections.abc import Callable
from typing import Any

import typer
from pydantic import TypeAdapter, ValidationError

from domain.vocabulary import Actor, Identifier, Reason


def _reader(form: Any, rule: str) -> Callable[[str], str]:
    adapter: TypeAdapter[str] = TypeAdapter(form)

    def read(text: str) -> str:
        try:
            return adapter.validate_python(text)
        except ValidationError:
            raise typer.BadParameter(f"{text!r} is not possible: {rule}.") from None

    return read


identifier = _reader(
    Identifier, "an id has 1 to 63 letters, digits, dots, dashes or underscores, first a letter or digit"
)
actor = _reader(Actor, "1 to 100 characters and no e-mail address; name another with --actor or OFFRAMP_ACTOR")
reason = _reader(Reason, "3 to 1000 characters that say why")
