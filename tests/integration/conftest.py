"""Jobs to drive: each with settings and a data folder of its own."""

from collections.abc import Mapping

import pytest
from whole_job import SETTINGS, Job, MakeJob


@pytest.fixture(scope="session")
def make_job(tmp_path_factory: pytest.TempPathFactory) -> MakeJob:
    """A factory of jobs: the project's settings with some lines replaced and some appended."""

    def make(name: str, replaced: Mapping[str, str] | None = None, appended: str = "") -> Job:
        folder = tmp_path_factory.mktemp(name)
        text = SETTINGS
        for old, new in (replaced or {}).items():
            assert text.count(old) == 1, f"settings.toml no longer holds {old!r} once"
            text = text.replace(old, new)
        (folder / "settings.toml").write_text(text + appended, encoding="utf-8")
        return Job(folder)

    return make
