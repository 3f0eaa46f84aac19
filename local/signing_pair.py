"""Makes a self-signed key and certificate for OpenDSR where the settings name none."""

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.opendsr import OpenDsrSettings
from config.opendsr_signer import LEAST_BITS, PAIR_FILE, SigningError, find_signer

VALID_FOR = timedelta(days=3650)


def keep_signing_pair(settings: OpenDsrSettings, data_dir: Path) -> None:
    """Make sure that the data folder has a pair for this domain, readable by its owner only, unless the settings name
    one.

    A self-signed pair is for trying things out: the specification wants a certificate from an authority (4.1).
    """
    if settings.private_key_file is not None or settings.certificate_file is not None:
        return
    try:
        if find_signer(settings, data_dir) is not None:
            return
    except SigningError:
        pass  # for another domain, expired or damaged: nobody can rely on a self-signed one
    partial = data_dir / f"{PAIR_FILE}.partial"
    partial.unlink(missing_ok=True)
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(self_signed(settings.domain))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(data_dir / PAIR_FILE)


def self_signed(domain: str, valid_for: timedelta = VALID_FOR) -> bytes:
    """A new key and its certificate, in one PEM, so that the two cannot be separated."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=LEAST_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, domain[:64])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + valid_for)
        .add_extension(x509.SubjectAlternativeName([_general_name(domain)]), critical=False)
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private + certificate.public_bytes(Encoding.PEM)


def _general_name(domain: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(domain))
    except ValueError:
        return x509.DNSName(domain)
