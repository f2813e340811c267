"""The process that serves the codec: ``python -m starter.codec``. It speaks HTTP: TLS ends before it."""

import uvicorn

from runtime.payload_codec import EncryptingCodec
from runtime.payload_keys import PayloadKeySettings
from runtime.serving import serve
from starter.codec.app import create_codec_server
from starter.codec.settings import CodecNotConfigured, CodecSettings
from starter.web.connections import server_options


async def main() -> None:
    """Serve the codec until SIGTERM or SIGINT."""
    settings, keys = CodecSettings(), PayloadKeySettings().keys
    if keys.encrypting is None:
        raise CodecNotConfigured(
            "keys", "OFFRAMP_PAYLOAD_KEYS_FILE", "the file with the keys of payloads, as the workers have it"
        )
    app = create_codec_server(EncryptingCodec(keys), token=settings.token, origins=settings.origins)
    config = uvicorn.Config(app, settings.codec_host, settings.codec_port, **server_options())
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    serve(main, failing="The codec cannot be served")
