"""A receiver of webhooks on loopback, over TLS with a certificate authority of its own, or plain."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
_USE_OF_AN_AUTHORITY = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Post:
    """What came in."""

    head: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers every request with the bytes that `answer` gives; None hangs up without an answer."""

    answer: Callable[[Post], bytes | None] = lambda _: OK
    posts: list[Post] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    """What each connection asked for by SNI."""
    port: int = 0
    serve_instead: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] | None = None
    """For what no proper server would do."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.serve_instead is not None:
            await self.serve_instead(reader, writer)
            return
        try:
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            post = Post(head, headers, await reader.readexactly(int(headers.get("content-length", 0))))
            self.posts.append(post)
            answer = self.answer(post)
            if answer is not None:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    @asynccontextmanager
    async def listening(self, context: ssl.SSLContext | None = None) -> AsyncIterator["Receiver"]:
        """Until the caller leaves."""
        if context is not None:
            context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self


class Authority:
    """A certificate authority for one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's own authority")])
        self._certificate = self._sign(
            name, name, self._key, x509.BasicConstraints(ca=True, path_length=0), _USE_OF_AN_AUTHORITY
        )

    def _sign(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        public = self._key.public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        return builder.sign(self._key, hashes.SHA256())

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @cached_property
    def trust(self) -> ssl.SSLContext:
        """For clients that believe this authority and nobody else. As strict as Python is by itself from 3.13 on."""
        context = ssl.create_default_context(cadata=self.pem.decode())
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    def server(self, name: str) -> ssl.SSLContext:
        """For a server whose certificate is of `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(
            x509.Name([]),
            self._certificate.subject,
            key,
            x509.SubjectAlternativeName([x509.DNSName(name)]),
        )
        file = self._folder / f"{name}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context
