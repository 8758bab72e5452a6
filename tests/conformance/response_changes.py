"""A TLS front of a server that can spoil an answer: the request has had its effect, and what comes back is a
record that nobody can decrypt.

One request a connection. Refuses to be trusted by anything but `authority`, its own certificate, made anew
each time.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conformance.refusing_server import ask, operation_of, request_of

_RECORD = b"\x17\x03\x03\x00\x20" + b"\xff" * 32
"""Application data, 32 bytes that no key has made."""


class TlsFront:
    """The front.

    Args:
        url: the server behind it.
        spoiled: the operation whose first answer is spoilt; None: none is.
        folder: for the certificate.
    """

    def __init__(self, url: str, spoiled: str | None, folder: Path) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname or "", parts.port or 0)
        self._spoiled = spoiled
        self.authority = folder / "authority.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(_certificate(self.authority))
        self.count = 0

    def __enter__(self) -> TlsFront:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes `accept`
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(connection,), daemon=True).start()

    def _pass(self, connection: socket.socket) -> None:
        # Below TLS, to write there what TLS did not make.
        with connection, connection.dup() as below:
            try:
                secured = self._context.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                return  # it does not trust us
            with secured:
                request = request_of(secured)
                answer = ask(self._target, request)
                if operation_of(request) == self._spoiled and self.count == 0:
                    self.count += 1
                    below.sendall(_RECORD)
                    below.shutdown(socket.SHUT_RDWR)
                else:
                    secured.sendall(answer)


def _certificate(file: Path) -> Path:
    """A certificate for this machine with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file
