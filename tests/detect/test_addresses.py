"""Addresses read natively against Python's socket."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor.detect import addresses
from watchfloor.detect.comparison import packed

groups = st.one_of(st.integers(0, 0xFFFF).map("{:x}".format), st.sampled_from(["", "", "0", "00ab", "12345", "G"]))
loose = st.lists(groups, max_size=9).map(":".join)
octets = st.one_of(st.integers(0, 300).map(str), st.sampled_from(["", "01", "0", "00", "1e1"]))
dotted = st.lists(octets, min_size=3, max_size=5).map(".".join)
texts = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=6).map(lambda address: address.exploded.upper()),
    dotted,
    loose,
    st.builds("{}:{}".format, loose, dotted),
    st.builds("{}%{}".format, loose, st.sampled_from(["eth0", "", "a:b", "%"])),
    st.text(alphabet="0123456789abcf:.%x \0é", max_size=20),
)


def read(text: str) -> bytes | None:
    data = np.frombuffer(b"9" + text.encode() + b"9", np.uint8)
    high, low, version = addresses.address(data, np.int64(1), np.int64(len(data) - 1))
    whole = (int(high) << 64 | int(low)).to_bytes(16, "big")
    return {0: None, 4: whole[12:], 6: whole}[version]


@settings(deadline=None, max_examples=600)
@given(texts)
def test_an_address_is_what_the_system_says(text: str) -> None:
    assert read(text) == packed(text)


ODD = (
    "::ffff:192.0.2.1 :: 1:: ::1 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1::3:4:5:6:7:8 1:2:3:4:5:6:1.2.3.4 "
    "::1.2.3.4 1::1.2.3.4 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7:1.2.3.4 1:::2 :1 1: : 1.2.3.4 1.2.3.4.5 256.1.1.1 1.2.3 "
    "1.2.3. .1.2.3 fe80::1%eth0 1.2.3.4%: ::ffff:0:1 ::fffe:192.0.2.1 1:2:3:4::5:6:7:8 ::.1.2.3 1.2.3.4:: ::1.2.3.4:1"
)


@pytest.mark.parametrize("text", ["", *ODD.split()])
def test_the_odd_ones(text: str) -> None:
    assert read(text) == packed(text)
