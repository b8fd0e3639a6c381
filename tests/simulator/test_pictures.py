"""What a picture's header says."""

import base64

import pytest

from qwenproxy.simulator.pictures import Picture, picture_of, size_of
from tests.support.simulated import png

GIF = b"GIF89a" + (320).to_bytes(2, "little") + (200).to_bytes(2, "little")
FRAME = b"\xff\xc2\x00\x11\x08" + (480).to_bytes(2) + (640).to_bytes(2)
TABLES = b"\xff\xe0\x00\x04ab" + b"\xff\xc4\x00\x05abc"
JPEG = b"\xff\xd8" + TABLES + FRAME


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (base64.b64decode(png(20, 30).partition(",")[2]), (20, 30)),
        (GIF, (320, 200)),
        (JPEG, (640, 480)),
        (b"\xff\xd8" + FRAME, (640, 480)),
        (JPEG[:12], None),
        (GIF[:8], None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"RIFF....WEBP", None),
        (b"", None),
    ],
)
def test_sizes_are_read_from_headers(data: bytes, size: tuple[int, int] | None) -> None:
    assert size_of(data) == size


def test_every_cut_of_a_header_is_survived() -> None:
    assert {size_of(JPEG[:at]) for at in range(len(JPEG))} == {None}


def test_a_data_url_tells_its_kind_and_size() -> None:
    url = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    assert picture_of(url) == Picture("image/jpeg", 640, 480, len(JPEG))
    assert str(picture_of(url)) == "image/jpeg, 640x480 pixels"


def test_a_picture_of_an_unknown_kind_has_no_size() -> None:
    assert str(picture_of("data:image/webp;base64,AAAA")) == "image/webp"


def test_a_link_is_a_link() -> None:
    assert str(picture_of("https://example.com/a.png")) == "a link"


@pytest.mark.parametrize("url", ["data:image/png;base64,A", "data:image/png;base64,&&&&", "data:,Hello"])
def test_a_data_url_that_is_not_base64_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="not base64"):
        picture_of(url)
