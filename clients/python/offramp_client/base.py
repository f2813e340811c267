"""What the models of answers and the words in them have in common: a newer service may say more than this version knows."""

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict


class Word(StrEnum):
    """One of a list of words. A word that this version does not know is kept as it is: compare it as text."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        word = str.__new__(cls, value)
        word._name_ = word._value_ = value
        return word


class Model(BaseModel):
    """What the service says; members that this version does not know are left out."""

    model_config = ConfigDict(frozen=True)


class Given(BaseModel):
    """What a caller says; a member that is not known is an error, because it would be taken for heard."""

    model_config = ConfigDict(frozen=True, extra="forbid")
