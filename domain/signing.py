"""A data processor's signatures: RSA with SHA-256 (PKCS #1 v1.5, FIPS 186-4) over a body's raw bytes, in base64."""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

DOMAIN_HEADER = "X-OpenDSR-Processor-Domain"
SIGNATURE_HEADER = "X-OpenDSR-Signature"


@dataclass(frozen=True)
class Signer:
    """The signer: the domain that the certificate is issued for, the key, and the certificate in PEM."""

    domain: str
    key: RSAPrivateKey = field(repr=False)
    certificate: bytes = field(repr=False)
    valid_until: datetime
    """When the certificate expires."""

    def headers(self, body: bytes) -> dict[str, str]:
        """The headers by which a receiver of exactly these bytes verifies that they are ours."""
        signature = self.key.sign(body, PKCS1v15(), SHA256())
        return {DOMAIN_HEADER: self.domain, SIGNATURE_HEADER: b64encode(signature).decode()}
