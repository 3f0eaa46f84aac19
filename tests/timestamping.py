"""An authority that makes time stamps, written from RFC 3161 and RFC 5652 and not with the library that reads them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SEQUENCE, SET, OCTETS, INTEGER, OID, TRUE, TIME = 0x30, 0x31, 0x04, 0x02, 0x06, b"\x01\x01\xff", 0x18
SHA_256, ECDSA_SHA_256 = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.4.3.2"
SIGNED_DATA, TST_INFO = "1.2.840.113549.1.7.2", "1.2.840.113549.1.9.16.1.4"
CONTENT_TYPE, MESSAGE_DIGEST, SIGNING_CERTIFICATE = (
    "1.2.840.113549.1.9.3",
    "1.2.840.113549.1.9.4",
    "1.2.840.113549.1.9.16.2.47",
)
POLICY = "1.3.6.1.4.1.99999.1"


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x80 + (size.bit_length() + 7) // 8]) + _big(size)
    return bytes([tag]) + length + content


def _big(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def integer(number: int) -> bytes:
    return der(INTEGER, number.to_bytes(number.bit_length() // 8 + 1))


def oid(dotted: str) -> bytes:
    first, second, *more = map(int, dotted.split("."))
    content = b""
    for arc in (40 * first + second, *more):
        seven = [arc & 127]
        while arc := arc >> 7:
            seven.append(arc & 127 | 128)
        content += bytes(reversed(seven))
    return der(OID, content)


def algorithm(dotted: str) -> bytes:
    return der(SEQUENCE, oid(dotted))


def parts(raw: bytes) -> list[tuple[int, bytes, bytes]]:
    """The elements in a piece of DER: tag, content, and the whole of each."""
    found, place = [], 0
    while place < len(raw):
        begin, size = place + 2, raw[place + 1]
        if size > 127:
            begin, size = begin + size - 128, int.from_bytes(raw[begin : begin + size - 128])
        found.append((raw[place], raw[begin : begin + size], raw[place : begin + size]))
        place = begin + size
    return found


class Authority:
    """An authority with a root of its own. `valid_until`: of its certificate; its time is `hours_late`."""

    def __init__(
        self,
        *,
        valid_until: timedelta = timedelta(days=1),
        may: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING,
        hours_late: float = 0,
    ) -> None:
        self._late = timedelta(hours=hours_late)
        self.asked: list[bytes] = []
        root_key, self._key = generate_private_key(SECP256R1()), generate_private_key(SECP256R1())
        now = datetime.now(UTC)
        root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a root of time")])
        root = (
            x509.CertificateBuilder()
            .subject_name(root_name)
            .issuer_name(root_name)
            .public_key(root_key.public_key())
            .serial_number(1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(root_key, SHA256())
        )
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority of time")]))
            .issuer_name(root_name)
            .public_key(self._key.public_key())
            .serial_number(2)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + valid_until)
            .add_extension(x509.ExtendedKeyUsage([may]), critical=True)
            .sign(root_key, SHA256())
        )
        self.roots = [root]
        self.pem = root.public_bytes(Encoding.PEM)

    def answer(self, question: bytes) -> bytes:
        """The answer to a question (RFC 3161, 2.4)."""
        self.asked.append(question)
        ((_, asked, _),) = parts(question)
        elements = parts(asked)
        imprint = elements[1][2]
        nonces = [whole for tag, _, whole in elements[2:] if tag == INTEGER]
        moment = der(TIME, (datetime.now(UTC) - self._late).strftime("%Y%m%d%H%M%SZ").encode())
        info = der(SEQUENCE, integer(1), oid(POLICY), imprint, integer(7), moment, *nonces)
        return der(SEQUENCE, der(SEQUENCE, integer(0)), self._signed(info))

    def _signed(self, info: bytes) -> bytes:
        """RFC 5652, 5."""
        raw = self._certificate.public_bytes(Encoding.DER)
        attributes = sorted(
            [
                der(SEQUENCE, oid(CONTENT_TYPE), der(SET, oid(TST_INFO))),
                der(SEQUENCE, oid(MESSAGE_DIGEST), der(SET, der(OCTETS, sha256(info).digest()))),
                der(
                    SEQUENCE,
                    oid(SIGNING_CERTIFICATE),
                    der(SET, der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, der(OCTETS, sha256(raw).digest()))))),
                ),
            ]
        )
        signature = self._key.sign(der(SET, *attributes), ECDSA(SHA256()))
        issuer = der(SEQUENCE, self._certificate.issuer.public_bytes(), integer(2))
        signer = der(
            SEQUENCE,
            integer(1),
            issuer,
            algorithm(SHA_256),
            der(0xA0, *attributes),
            algorithm(ECDSA_SHA_256),
            der(OCTETS, signature),
        )
        content = der(SEQUENCE, oid(TST_INFO), der(0xA0, der(OCTETS, info)))
        signed = der(SEQUENCE, integer(3), der(SET, algorithm(SHA_256)), content, der(0xA0, raw), der(SET, signer))
        return der(SEQUENCE, oid(SIGNED_DATA), der(0xA0, signed))
