"""Whatever arrives on the socket becomes a message or a ProtocolError, nothing else."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensd.control.messages import (
    MAX_LINE_BYTES,
    PROTOCOL,
    LineBuffer,
    Request,
    decode,
    encode,
    request_from_message,
)
from lensd.errors import ProtocolError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
messages = st.dictionaries(st.text(max_size=12), json_values, max_size=5)


@given(messages)
def test_what_is_encoded_decodes_to_itself_on_one_line(message):
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


@given(st.binary(max_size=300))
def test_any_bytes_decode_to_an_object_or_a_protocol_error(data):
    with contextlib.suppress(ProtocolError):
        assert isinstance(decode(data), dict)


def test_a_deeply_nested_message_is_refused():
    with pytest.raises(ProtocolError):
        decode(b"[" * 30000)


def test_a_message_longer_than_a_line_is_not_sent():
    with pytest.raises(ProtocolError, match="bytes long"):
        encode({"x": "a" * MAX_LINE_BYTES})


@given(st.lists(messages, max_size=5), st.lists(st.integers(1, 50), min_size=1, max_size=60))
def test_lines_survive_being_cut_anywhere(sent, cuts):
    stream, lines, received = b"".join(map(encode, sent)), LineBuffer(), []
    while stream:
        cut = cuts[len(received) % len(cuts)]
        received += lines.feed(stream[:cut])
        stream = stream[cut:]
    assert received == sent


def test_an_endless_line_is_refused_before_it_is_kept():
    lines = LineBuffer()
    with pytest.raises(ProtocolError, match="line of more than"):
        for _ in range(100):
            list(lines.feed(b"x" * 4096))


@given(messages)
def test_any_object_is_a_request_or_a_protocol_error(message):
    with contextlib.suppress(ProtocolError):
        assert isinstance(request_from_message(message), Request)


def test_another_protocol_is_told_who_speaks_which():
    with pytest.raises(ProtocolError, match="speaks protocol 99") as caught:
        request_from_message({"id": 1, "protocol": 99, "method": "status"})
    assert f"speaks {PROTOCOL}" in caught.value.why
    assert "lensd stop" in caught.value.hint


@pytest.mark.parametrize(
    "message",
    [
        {"id": "1", "method": "status"},
        {"id": True, "method": "status"},
        {"id": -1, "method": "status"},
        {"id": 1, "method": None},
        {"id": 1, "method": "status", "params": []},
        {"method": "status"},
    ],
)
def test_a_malformed_request_is_refused(message):
    with pytest.raises(ProtocolError):
        request_from_message({"protocol": PROTOCOL, **message})
