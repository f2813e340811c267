"""The address of the console, as the doors know it that start workflows."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class ConsoleLink(BaseSettings):
    """``OFFRAMP_CONSOLE_URL``: the URL under which people reach the console; without one nothing links there."""

    model_config = SettingsConfigDict(env_prefix="OFFRAMP_", env_ignore_empty=True)

    console_url: str | None = None
