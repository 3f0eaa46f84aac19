"""A signing pair is made where none is given, and kept as long as it is valid."""

from base64 import b64decode
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from config.opendsr import OpenDsrSettings
from config.opendsr_signer import PAIR_FILE, find_signer
from domain.signing import Signer
from local.signing_pair import keep_signing_pair, self_signed

PAIR = self_signed("localhost")


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
