"""The files that an administrator installs are what the code installs."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.stores.elasticsearch.files import contents

FOLDER = Path(__file__).parents[3] / "deploy" / "elasticsearch"


@pytest.mark.parametrize("name", sorted(contents()))
def test_the_files_are_current(name: str) -> None:
    written = (FOLDER / name).read_text(encoding="utf-8")
    assert written == contents()[name], "run `python -m streams.stores.elasticsearch.files deploy/elasticsearch`"
