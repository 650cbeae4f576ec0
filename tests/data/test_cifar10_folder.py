"""The whole of CIFAR-10 as a folder of JPEG files; BNAS_CIFAR10 names it."""

import os
import time

import pytest

from bnas.data import Facts, read

FOLDER = os.environ.get("BNAS_CIFAR10", "")


@pytest.mark.data
@pytest.mark.timeout(300)
@pytest.mark.skipif(not FOLDER, reason="BNAS_CIFAR10 names no folder with CIFAR-10's images")
def test_once_decoded_it_opens_in_less_than_a_second() -> None:
    decoded = read(FOLDER)
    assert decoded.facts == Facts(image_size=32, in_channels=3, num_classes=10)
    assert (len(decoded.labels), decoded.num_test) == (60_000, 10_000)
    before = time.process_time()
    again = read(FOLDER)
    assert time.process_time() - before < 1
    assert (again.pixels[::997] == decoded.pixels[::997]).all()
