"""Packages from an https server that is really there, and from servers that are not what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import ssl
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensd.errors import LensError
from lensd.sharing import fetch
from lensd.sharing.fetch import fetched, parse_address

CONTENT = bytes(range(256)) * 1000
CERTIFICATE = Path(__file__).with_name("localhost.pem")  # of localhost, signed by itself; made for these tests


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path in {"/plain", "/moved"}:
            self.send_response(302)
            self.send_header("Location", "/lens.zip" if self.path == "/moved" else "http://localhost/x.zip")
            self.end_headers()
        elif self.path == "/none":
            self.send_error(404, "Not\x1b[31m here")
        else:
            self.give({"/short": len(CONTENT) + 1, "/claims": 10**12}.get(self.path, len(CONTENT)))

    def give(self, said):
        self.send_response(200)
        if self.path != "/endless":
            self.send_header("Content-Length", str(said))
        self.end_headers()
        self.wfile.write(CONTENT)
        with contextlib.suppress(OSError):  # the client has enough
            while self.path == "/endless":
                self.wfile.write(bytes(1 << 20))

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    with http.server.ThreadingHTTPServer(("localhost", 0), Answers) as running:
        running.handle_error = lambda *_: None
        running.socket = context.wrap_socket(running.socket, server_side=True)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"https://localhost:{running.server_address[1]}"
        running.shutdown()


@pytest.fixture
def trusted(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.setattr(fetch.tempfile, "tempdir", str(tmp_path))
    return tmp_path


def get(address, **options):
    with fetched(parse_address(address), **options) as path:
        return path.name, path.read_bytes()


def test_a_file_comes_whole_and_is_gone_afterwards(server, trusted):
    told = []
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert get(f"{server}/lens.zip#sha256={digest.upper()}", tell=lambda *of: told.append(of)) == ("lens.zip", CONTENT)
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert get(f"{server}/moved")[1] == CONTENT
    assert list(trusted.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/lens.zip#sha256=" + "0" * 64, "is not the file that the address names"),
        ("/plain", "which is not https"),
        ("/none", r"the server says 404 Not\?\[31m here"),
        ("/claims", "is larger than"),
        ("/endless", "is larger than"),
        ("/short", "cannot be fetched|ended after 256000 of 256001 bytes"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused_and_leaves_nothing(server, trusted, monkeypatch, path, told):
    monkeypatch.setattr(fetch, "TOTAL_BYTES_MAX", 8 << 20)
    with pytest.raises(LensError, match=told):
        get(server + path)
    assert list(trusted.iterdir()) == []


def test_a_server_whom_nobody_vouches_for_is_refused(server, monkeypatch):
    monkeypatch.setenv("no_proxy", "localhost")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(LensError, match="certificate is not to be trusted"):
        get(f"{server}/lens.zip")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://example.org/x.zip", "is not https"),
        ("ftp://example.org/x.zip", "is not https"),
        ("file:///etc/passwd", "is no address"),
        ("https://", "is no address"),
        ("https://[::1/x", "is no address"),
        ("https://example.org/a b", "is no address"),
        ("https://me:secret@example.org/x.zip", "has a user or a password in it"),
        ("https://example.org/x.zip#md5=00", "no SHA-256"),
        ("https://example.org/x.zip#sha256=00", "no SHA-256"),
    ],
)
def test_an_address_is_https_and_no_more(address, told):
    with pytest.raises(LensError, match=told) as refused:
        parse_address(address)
    assert "secret" not in str(refused.value)


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://h", "https://h/#sha256="]))
def test_any_text_is_an_address_or_refused(text, before):
    with contextlib.suppress(LensError):
        address = parse_address(before + text)
        assert address.url.lower().startswith("https://")
        assert address.sha256 is None or len(address.sha256) == 64
