"""What many tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A busy machine is no failure: nothing here is right or wrong by the time it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images and weights that stands beside the repository on the founders' machines."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "data" / "wbc-subtypes").is_dir():
        pytest.skip("the real images are not beside this repository")
    return folder
