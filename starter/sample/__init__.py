"""Sample data: a document for ``offramp import`` with organizations in several zones and lines on all kinds of terms."""

from importlib.resources import files


def sample_document() -> bytes:
    """Return the sample document."""
    return files("starter.sample").joinpath("sample.json").read_bytes()
