"""The key that signs for us: made where none is given, and refused where nobody could check what it signs."""

from base64 import b64decode
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.opendsr import PAIR_FILE, OpenDsrSettings, SigningError, find_signer, keep_signing_pair, self_signed
from domain.signing import Signer

PAIR = self_signed("localhost")
RUN_OUT = self_signed("localhost", timedelta(seconds=-1))


def test_a_signature_is_checked_by_the_certificate_alone(tmp_path: Path) -> None:
    settings = OpenDsrSettings()
    assert find_signer(settings, tmp_path) is None
    keep_signing_pair(settings, tmp_path)
    assert (tmp_path / PAIR_FILE).stat().st_mode & 0o777 == 0o600
    signer = find_signer(settings, tmp_path)
    assert isinstance(signer, Signer)
    assert b"PRIVATE" not in signer.certificate
    assert "BEGIN" not in repr(signer)
    headers = signer.headers(b"body")
    assert set(headers) == {"X-OpenDSR-Processor-Domain", "X-OpenDSR-Signature"}
    assert headers["X-OpenDSR-Processor-Domain"] == "localhost"
    public = x509.load_pem_x509_certificate(signer.certificate).public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(b64decode(headers["X-OpenDSR-Signature"]), b"body", padding.PKCS1v15(), SHA256())


def test_a_pair_is_kept_as_long_as_it_is_good(tmp_path: Path) -> None:
    (tmp_path / PAIR_FILE).write_bytes(PAIR)
    keep_signing_pair(OpenDsrSettings(), tmp_path)
    assert (tmp_path / PAIR_FILE).read_bytes() == PAIR
    named = OpenDsrSettings(processor_domain="opendsr.consent.example")
    keep_signing_pair(named, tmp_path)  # the domain has changed, so the certificate would convince nobody
    assert find_signer(named, tmp_path) is not None
    (tmp_path / PAIR_FILE).write_bytes(PAIR[:100])
    keep_signing_pair(OpenDsrSettings(), tmp_path)
    assert find_signer(OpenDsrSettings(), tmp_path) is not None


def test_a_given_pair_is_used_and_none_is_made(tmp_path: Path) -> None:
    (tmp_path / "both.pem").write_bytes(PAIR)
    settings = OpenDsrSettings(private_key_file=tmp_path / "both.pem", certificate_file=tmp_path / "both.pem")
    keep_signing_pair(settings, tmp_path)
    assert not (tmp_path / PAIR_FILE).exists()
    assert find_signer(settings, tmp_path) is not None


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
