"""The OpenDSR signer: key and certificate of the settings, or else the pair in the data folder."""

from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from config.opendsr import OpenDsrSettings
from domain.signing import Signer

PAIR_FILE = "opendsr.pem"
LEAST_BITS = 2048  # FIPS 186-4


class SigningError(Exception):
    """The key or the certificate is unusable. The message says where it is from and what is wrong."""


_KEY_VARIABLE = "CONSENT_OPENDSR__PRIVATE_KEY_FILE"
_CERTIFICATE_VARIABLE = "CONSENT_OPENDSR__CERTIFICATE_FILE"


def find_signer(settings: OpenDsrSettings, data_dir: Path) -> Signer | None:
    """The signer; None where neither the settings nor the data folder have a key. Raises SigningError."""
    key_file, certificate_file = settings.private_key_file, settings.certificate_file
    if key_file is not None and certificate_file is not None:
        key = _key(_read(key_file, _KEY_VARIABLE), _KEY_VARIABLE)
        return _signer(settings.domain, key, _read(certificate_file, _CERTIFICATE_VARIABLE), _CERTIFICATE_VARIABLE)
    if key_file is not None or certificate_file is not None:
        raise SigningError(f"set {_KEY_VARIABLE} and {_CERTIFICATE_VARIABLE}, or neither")
    pair = data_dir / PAIR_FILE
    if not pair.exists():
        return None
    both = _read(pair, str(pair))
    return _signer(settings.domain, _key(both, str(pair)), both, str(pair))


def _read(path: Path, source: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SigningError(f"{source}: cannot read the file: {error.strerror}") from None


def _key(pem: bytes, source: str) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SigningError(f"{source}: has no private key in PEM, or one with a password") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < LEAST_BITS:
        raise SigningError(f"{source}: must be an RSA key of {LEAST_BITS} bits or more")
    return key


def _signer(domain: str, key: rsa.RSAPrivateKey, pem: bytes, source: str) -> Signer:
    """The signer, after checking that key, certificate and domain match. The certificate goes out without the key."""
    try:
        chain = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise SigningError(f"{source}: has no certificate in PEM") from None
    own = chain[0]
    if own.public_key() != key.public_key():
        raise SigningError(f"{source}: its first certificate is not that of the private key")
    if own.not_valid_after_utc <= datetime.now(UTC):
        raise SigningError(f"{source}: the certificate has run out; have it renewed")
    if domain not in _names(own):
        raise SigningError(f"{source}: the certificate is not issued for CONSENT_OPENDSR__PROCESSOR_DOMAIN ({domain})")
    certificates = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
    return Signer(domain, key, certificates, own.not_valid_after_utc)


def _names(certificate: x509.Certificate) -> set[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    addresses = names.get_values_for_type(x509.IPAddress)
    return {name.lower() for name in names.get_values_for_type(x509.DNSName)} | {str(one) for one in addresses}
