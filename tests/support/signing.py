"""The keys of the doors and workers of the tests; a client without them is somebody who calls Temporal directly."""

import base64

from runtime.named_keys import read_keys
from runtime.request_keys import RequestKeys

REQUEST_KEY = f"tests:{base64.b64encode(b'r' * 32).decode()}"
REQUEST_KEYS = RequestKeys(read_keys(REQUEST_KEY))
