"""The keys by which the parts of the object store know one another: made anew at each start, and of use to nobody else.

SeaweedFS's parts talk over ports of their own, by gRPC and by HTTP, without asking for a key: who reaches them reads, writes and
deletes past the access keys of S3. With one certificate for all of them, which each asks the other for, nobody else gets in.
"""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from starter.local import HOST
from starter.local.data_directory import write_private

_VALID_FOR = timedelta(days=3650)
"""Longer than a store runs without a restart."""

_BY_GRPC = ("master", "volume", "filer", "s3", "client", "admin", "worker")
_BY_HTTP = ("master", "volume", "filer")


def secure_internal_ports(home: Path) -> None:
    """Write ``security.toml``, where SeaweedFS looks for it in its home directory, and the certificate that it names."""
    directory = home / ".seaweedfs"
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = directory / "internal.crt", directory / "internal.key"
    made = _certificate_and_key()
    for path, text in zip((certificate, key), made, strict=True):
        write_private(path, text)
    own = f'cert = "{certificate}"\nkey = "{key}"\n'
    both = f'{own}ca = "{certificate}"\n'
    sections = [f'[grpc]\nca = "{certificate}"\n']
    sections += [f"[grpc.{part}]\n{own}" for part in _BY_GRPC]
    sections += [f"[https.{part}]\n{both}" for part in _BY_HTTP]
    sections.append(f"[https.client]\nenabled = true\n{both}")
    write_private(directory / "security.toml", "\n".join(sections))


def _certificate_and_key() -> tuple[str, str]:
    """Return a certificate that is its own authority, for servers and clients on this machine, and its key; both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "object store, internal")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HOST))]), critical=False)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    encoding, unencrypted = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, unencrypted)
    return certificate.public_bytes(encoding).decode(), private.decode()
