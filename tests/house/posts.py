"""Where messages arrive in tests: a mail server, and the robots of WeCom, DingTalk and Feishu, all on this machine.

The robots' addresses are fixed in apprise. So that its own code builds and sends each request, with TLS and all, the
robots stand behind a proxy: HTTPS_PROXY names it, and REQUESTS_CA_BUNDLE a certificate made for this run.
"""

import email
import email.policy
import json
import socketserver
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROBOTS = ("qyapi.weixin.qq.com", "oapi.dingtalk.com", "open.feishu.cn")
FINE = {"errcode": 0, "errmsg": "ok", "code": 0}


class Post(socketserver.ThreadingTCPServer):
    """A server that keeps what arrives in `.letters`; `says` is how it answers."""

    allow_reuse_address = daemon_threads = True

    def __init__(self, answering):
        super().__init__(("127.0.0.1", 0), answering)
        self.letters, self.says, self.port, self.waits = [], None, self.server_address[1], 0

    @contextmanager
    def open(self):
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()


class Mail(socketserver.StreamRequestHandler):
    """As much of SMTP as it takes; `says` maps a command to another answer than "250 ok"."""

    def handle(self):
        says, self.to = {"EHLO": "250 here", "DATA": "354 go on", "QUIT": "221 bye"} | (self.server.says or {}), []
        self._answer("220 here")
        while line := self.rfile.readline().decode():
            word = line[:4].upper().strip()
            time.sleep(self.server.waits)
            if word == "RCPT":
                self.to.append(line.split("<")[1].split(">")[0])
            answer = says.get(word, "250 ok")
            self._answer(answer)
            if word == "DATA" and answer.startswith("354"):
                self._letter()
            if word == "QUIT":
                return

    def _letter(self):
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        read = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        body = read.get_body(("plain", "html")).get_content()
        self.server.letters.append({"to": self.to[0], "title": str(read["subject"]), "body": body})
        self._answer("250 taken")

    def _answer(self, text):
        self.wfile.write(f"{text}\r\n".encode())


class Robot(socketserver.StreamRequestHandler):
    """A proxy that is itself the host that is asked for."""

    def handle(self):
        host = self.rfile.readline().decode().split()[1].split(":")[0]
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 200 here\r\n\r\n")
        with self.server.context.wrap_socket(self.connection, server_side=True) as secured:
            self._serve(host, secured.makefile("rb"), secured)

    def _serve(self, host, reading, secured):
        line, size = reading.readline().decode().split(), 0
        while header := reading.readline().decode().strip():
            if header.lower().startswith("content-length:"):
                size = int(header.split(":")[1])
        letter = json.loads(reading.read(size))
        time.sleep(self.server.waits)
        self.server.letters.append({"host": host, "path": line[1], "letter": letter})
        status, answer = self.server.says or (200, FINE)
        told = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {len(told)}\r\nConnection: close\r\n\r\n"
        secured.sendall(head.encode() + told)


def mail_server():
    """A mail server, to be opened."""
    return Post(Mail)


def robots(folder):
    """The robots, to be opened; `.environment` is what leads there."""
    post, path = Post(Robot), certificate(folder)
    post.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    post.context.load_cert_chain(path)
    post.environment = {
        "HTTPS_PROXY": f"http://127.0.0.1:{post.port}", "https_proxy": f"http://127.0.0.1:{post.port}",
        "REQUESTS_CA_BUNDLE": str(path), "NO_PROXY": "", "no_proxy": "",
    }  # fmt: skip
    return post


def certificate(folder):
    """A certificate with its key, good for the robots' hosts and for an hour."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "robots of a test")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in ROBOTS]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "robots.pem"
    path.write_bytes(key.private_bytes(*kinds) + made.public_bytes(serialization.Encoding.PEM))
    return path
