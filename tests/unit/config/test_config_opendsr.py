"""The key that signs for us is refused where nobody could check what it signs."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.opendsr import OpenDsrSettings
from config.opendsr_signer import SigningError, find_signer
from local.signing_pair import self_signed

PAIR = self_signed("localhost")
RUN_OUT = self_signed("localhost", timedelta(seconds=-1))


def other_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("key", "certificate", "domain", "said"),
    [
        (PAIR, None, "localhost", "or neither"),
        (None, PAIR, "localhost", "or neither"),
        (PAIR, PAIR, "consent.example", "CERTIFICATE_FILE: the certificate is not issued for"),
        (b"hush-key", PAIR, "localhost", "PRIVATE_KEY_FILE: has no private key"),
        (RUN_OUT, RUN_OUT, "localhost", "CERTIFICATE_FILE: the certificate has run out"),
        (PAIR, b"hush-key", "localhost", "CERTIFICATE_FILE: has no certificate"),
        (other_key(ec.generate_private_key(ec.SECP256R1())), PAIR, "localhost", "PRIVATE_KEY_FILE: must be an RSA key"),
        (other_key(rsa.generate_private_key(65537, 2048)), PAIR, "localhost", "not that of the private key"),
    ],
)
def test_what_nobody_could_check_is_refused(
    tmp_path: Path, key: bytes | None, certificate: bytes | None, domain: str, said: str
) -> None:
    files: dict[str, Path | None] = {}
    for name, content in {"private_key_file": key, "certificate_file": certificate}.items():
        files[name] = tmp_path / name if content is not None else None
        if content is not None:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(SigningError, match=said) as told:
        find_signer(OpenDsrSettings(processor_domain=domain, **files), tmp_path)
    assert "hush" not in str(told.value)


def test_a_missing_file_is_named_by_its_variable(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(SigningError, match="CONSENT_OPENDSR__PRIVATE_KEY_FILE: cannot read"):
        find_signer(OpenDsrSettings(private_key_file=gone, certificate_file=gone), tmp_path)
