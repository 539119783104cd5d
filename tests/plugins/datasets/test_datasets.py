"""What the sources of data sets have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

import fpframe
from fpframe.opening.datasets import download_dataset


@pytest.mark.parametrize("address", ["digits", "folder:pets"])
def test_sources_that_fetch_nothing_say_so(address: str, registry: fpframe.Registry, tmp_path: Path) -> None:
    words = rf"data sets of '{address.partition(':')[0]}' are not downloaded by fpframe \({address}\); put the files"
    with pytest.raises(fpframe.UsageError, match=words):
        download_dataset(registry, address, tmp_path)
    assert not any(tmp_path.iterdir())
