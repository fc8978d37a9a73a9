"""Who gets in, and what a stranger can do from outside: nothing."""

import json
import re
import socket
import time

import pytest

from lensd.page.lens_list import LOOK_AGAIN_S
from tests.page.lens_packages import write_lens
from tests.page.standin_keeper import Browser

ADDRESSES = [
    ("GET", "/"),
    ("GET", "/picture?viewer=abcdefgh&after=0"),
    ("GET", "/status"),
    ("GET", "/lenses"),
    ("GET", "/lenses/none/preview"),
    ("GET", "/page.js"),
    ("GET", "/page.css"),
    ("GET", "/icon.svg"),
    ("GET", "/nothing-here"),
    ("POST", "/switch"),
]


@pytest.fixture
def stranger(keeper):
    client = Browser(keeper.address())
    yield client
    client.close()


def wait_for_a_new_look():
    time.sleep(LOOK_AGAIN_S + 0.1)


@pytest.mark.parametrize(("method", "path"), ADDRESSES)
def test_without_a_session_there_is_nothing_but_the_way_to_one(stranger, keeper, method, path):
    for cookie in ("", "lensd-8790=", f"lensd-{stranger.host[-4:]}=" + "A" * 43):
        stranger.cookie = cookie
        origin = f"http://{stranger.host}"
        response, body = stranger.request(method, path, "{}" if method == "POST" else None, Origin=origin)
        assert response.status == 403
        assert b"lensd preview" in body
        assert b"<script" not in body
    assert keeper.requests == []


def test_an_address_opens_once_and_leaves_its_token_behind(keeper):
    address = keeper.address()
    path = "/" + address.split("/", 3)[3]
    first = Browser(address)
    response, _ = first.get(path)
    assert (response.status, response.getheader("Location")) == (303, "/")
    cookie = response.getheader("Set-Cookie")
    assert re.fullmatch(rf"lensd-{first.host.split(':')[1]}=[\w-]{{43,}}; HttpOnly; Path=/; SameSite=Strict", cookie)
    assert path.split("=")[1] not in cookie
    second = Browser(address)
    response, body = second.get(path)
    assert response.status == 403
    assert response.getheader("Set-Cookie") is None
    assert b"lensd preview" in body
    first.cookie = cookie.split(";")[0]
    assert first.get("/")[0].status == 200
    response, _ = first.get(path)  # clicked again by the one who has a session: just the page
    assert (response.status, response.getheader("Set-Cookie")) == (303, None)
    first.close()
    second.close()


def test_the_first_address_works_as_the_fresh_ones_do(keeper):
    client = Browser(keeper.event("ready")["url"]).enter()
    assert client.get("/")[0].status == 200
    client.close()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "[::1]:{port}",
        "",
    ],
)
def test_another_host_name_is_refused_even_with_the_cookie(browser, host):
    response, body = browser.get("/status", Host=host.format(port=browser.host.split(":")[1]))
    assert response.status == 403
    assert b"127.0.0.1" in body


def test_two_host_names_or_none_are_refused(browser):
    name, port = browser.host.split(":")
    for hosts in ("", f"Host: {browser.host}\r\nHost: evil.example\r\n"):
        with socket.create_connection((name, int(port)), 5) as raw:
            raw.sendall(f"GET /status HTTP/1.0\r\n{hosts}Cookie: {browser.cookie}\r\n\r\n".encode())
            answer = raw.recv(4096)
        assert re.match(rb"HTTP/1\.[01] 40[03] ", answer)


def test_localhost_is_this_computer_too(browser):
    assert browser.get("/status", Host=f"localhost:{browser.host.split(':')[1]}")[0].status == 200


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://{host}", "http://127.0.0.1:1"])
def test_a_switch_from_another_origin_is_refused(browser, keeper, origin):
    response, _ = browser.post("/switch", '{"lens": "none"}', Origin=origin and origin.format(host=browser.host))
    assert response.status == 403
    assert keeper.requests == []


def test_every_answer_carries_the_strict_headers(browser, keeper, source):
    keeper.show(source)
    wrong = [("GET", "/lenses/x/preview"), ("GET", "/picture"), ("DELETE", "/"), ("HEAD", "/"), ("PUT", "/switch")]
    for method, path in ADDRESSES + wrong:
        response, _ = browser.request(method, path)
        policy = response.getheader("Content-Security-Policy")
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;")
        for part in ("connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert response.getheader("X-Content-Type-Options") == "nosniff"
        assert response.getheader("Referrer-Policy") == "no-referrer"
        assert response.getheader("Cross-Origin-Resource-Policy") == "same-origin"
        assert response.getheader("Cache-Control") == "no-store"
        assert response.getheader("Access-Control-Allow-Origin") is None


def test_it_listens_on_the_loopback_address_only(browser):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", int(browser.host.split(":")[1])), 5)


def test_a_large_body_is_refused(browser, keeper):
    response, _ = browser.post("/switch", json.dumps({"lens": "x" * 100_000}))
    assert response.status == 413
    assert keeper.requests == []


@pytest.mark.parametrize(
    "body", ["", "x", "[]", "null", "{}", '{"lens": 1}', '{"lens": "' + "x" * 41 + '"}', "[" * 4000]
)
def test_a_switch_that_makes_no_sense_never_reaches_the_keeper(browser, keeper, body):
    assert browser.post("/switch", body)[0].status == 400
    assert keeper.requests == []


def test_a_switch_must_say_that_it_is_json(browser):
    # A form of another page can send plain text without asking first; JSON it cannot.
    assert browser.post("/switch", '{"lens": "none"}', Content_Type="text/plain")[0].status == 415


def test_the_webcam_is_closed_and_opened_from_the_page_and_nothing_else_is_taken_for_either(browser, keeper):
    for body in ("", "[]", "{}", '{"paused": 1}', '{"paused": "yes"}'):
        assert browser.post("/pause", body)[0].status == 400
    assert keeper.requests == []
    for paused in (True, False):
        assert browser.post("/pause", json.dumps({"paused": paused}))[0].status == 200
        assert bool(keeper.paused) is paused
        assert json.loads(browser.get("/status")[1])["paused"] is paused


def test_no_path_of_the_visitors_is_opened(browser, lenses):
    package = write_lens(lenses, "red", "Red", (255, 0, 0))
    for folder in (lenses, lenses.parent):
        (folder / "preview.webp").write_bytes((package / "preview.webp").read_bytes())
    wait_for_a_new_look()
    assert browser.get("/lenses/red/preview")[0].status == 200
    for name in ("..", "../..", "%2e%2e", "..%2f..%2f..", "red.lens", "red%00", "%2fetc", "red/../red", "RED"):
        assert browser.get(f"/lenses/{name}/preview")[0].status == 404


def test_a_preview_that_is_no_picture_is_not_served(browser, lenses):
    package = write_lens(lenses, "blue", "Blue", (0, 0, 255))
    wait_for_a_new_look()
    response, body = browser.get("/lenses/blue/preview")
    assert (response.status, response.getheader("Content-Type")) == (200, "image/webp")
    assert body == (package / "preview.webp").read_bytes()
    for content in (b"<script>alert(1)</script>" * 10, b"RIFF....WEBPVP8 " + b"\0" * 1_100_000):
        (package / "preview.webp").write_bytes(content)
        assert browser.get("/lenses/blue/preview")[0].status == 404


def test_garbage_in_place_of_http_ends_that_connection_only(browser):
    name, port = browser.host.split(":")
    for garbage in (
        b"\0" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /" + b"x" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00",
    ):
        with socket.create_connection((name, int(port)), 5) as raw:
            raw.sendall(garbage)
            raw.shutdown(socket.SHUT_WR)
            assert b" 200 " not in raw.recv(4096)
    assert browser.get("/status")[0].status == 200


def test_tokens_and_cookies_are_never_logged(mortal):
    client = Browser(mortal.address()).enter()
    used = mortal.address()
    Browser(used).enter().close()
    token = used.split("=")[1]
    name, port = client.host.split(":")
    for line in (
        f"GET /?token={token}",
        f"GET /?token={token} HTTP/1.1\r\nHost: x\r\n",
        f"BREW /?token={token} HTTP/1.1\r\n",
    ):
        with socket.create_connection((name, int(port)), 5) as raw:
            raw.sendall(f"{line}\r\n\r\n".encode())
            raw.shutdown(socket.SHUT_WR)
            raw.recv(4096)
    client.get("/nothing-here")
    client.close()
    log = mortal.close()
    assert "asyncio" in log  # what it says at its most talkative was kept
    assert "token" not in log
    assert token not in log
    assert client.cookie.split("=")[1] not in log
