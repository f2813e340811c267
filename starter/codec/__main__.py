"""The process that serves the codec: ``python -m starter.codec``. It speaks HTTP: TLS ends before it."""

import asyncio
import logging

import uvicorn
from pydantic import ValidationError

from domain.refusals import Refusal
from runtime.payload_codec import EncryptingCodec
from runtime.payload_keys import PayloadKeySettings
from runtime.process import leave
from runtime.refusals import log_text
from starter.codec.app import create_codec_server
from starter.codec.settings import CodecNotConfigured, CodecSettings
from starter.pages.connections import server_options


async def main() -> None:
    """Serve the codec until SIGTERM or SIGINT."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings, keys = CodecSettings(), PayloadKeySettings().keys
    if keys.encrypting is None:
        raise CodecNotConfigured(
            "keys", "OFFRAMP_PAYLOAD_KEYS_FILE", "the file with the keys of payloads, as the workers have it"
        )
    app = create_codec_server(EncryptingCodec(keys), token=settings.token, origins=settings.origins)
    config = uvicorn.Config(app, settings.codec_host, settings.codec_port, **server_options())
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (Refusal, ValidationError) as reason:
        said = log_text(reason) if isinstance(reason, Refusal) else reason
        logging.error("The codec cannot be served: %s", said)  # noqa: TRY400
        leave(1)
    leave(0)
