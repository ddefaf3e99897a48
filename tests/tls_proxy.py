"""A TLS-terminating proxy in front of a PostgreSQL server that has no TLS, with certificates of its own making."""

import ipaddress
import select
import socket
import ssl
import struct
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

HOST = "127.0.0.1"
SSL_REQUEST, GSSAPI_REQUEST = 80877103, 80877104
"""What a client of PostgreSQL asks before it says who it is."""
CHUNK_BYTES = 65_536


class Authority:
    """A self-signed certificate authority; `path` is what a client is given to trust."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, _named(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._certificate(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=None))
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(Encoding.PEM))

    def issue(self, address: str) -> Path:
        """A file with a server certificate for the IP address and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        certificate = self._certificate(_named(address), key.public_key(), names)
        path = self.folder / f"{address}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
        )
        return path

    def _certificate(self, name: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self.name, name, key, x509.random_serial_number(), now - timedelta(1), now + timedelta(1))
        return builder.add_extension(extension, critical=False).sign(self.key, hashes.SHA256())


class TlsProxy:
    """Listens on `port` while it is entered; takes TLS only, and sends on to the plain port what it decrypts."""

    def __init__(self, plain_port: int, certificate: Path) -> None:
        self.plain_port = plain_port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.listener = socket.create_server((HOST, 0))
        self.port = int(self.listener.getsockname()[1])
        self.threads = [Thread(target=self._serve, daemon=True)]

    def __enter__(self) -> "TlsProxy":
        self.threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)  # close alone does not wake a waiting accept
        self.listener.close()
        for thread in self.threads:
            thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.threads.append(Thread(target=self._handle, args=(client,), daemon=True))
            self.threads[-1].start()

    def _handle(self, client: socket.socket) -> None:
        with client, suppress(OSError):  # the client may leave whenever it likes
            if not _asks_for_tls(client):
                return
            with (
                self.context.wrap_socket(client, server_side=True) as secured,
                socket.create_connection((HOST, self.plain_port)) as server,
            ):
                _exchange(secured, server)


def _asks_for_tls(client: socket.socket) -> bool:
    """Answers the client's first question or two."""
    while request := client.recv(8, socket.MSG_WAITALL):
        code = struct.unpack("!II", request)[1]
        if code not in (SSL_REQUEST, GSSAPI_REQUEST):
            return False
        client.sendall(b"S" if code == SSL_REQUEST else b"N")
        if code == SSL_REQUEST:
            return True
    return False


def _exchange(secured: ssl.SSLSocket, server: socket.socket) -> None:
    """One thread for both ways, because a TLS connection is not for two."""
    other = {secured: server, server: secured}
    while True:
        ready = [secured] if secured.pending() else select.select([secured, server], [], [])[0]
        for end in ready:
            data = end.recv(CHUNK_BYTES)
            if not data:
                return
            other[end].sendall(data)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
