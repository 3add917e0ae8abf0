"""The folder that one holder has for itself, while others come and go."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from scaler_core.sandbox.build_folder import BuildFolder


@pytest.mark.parametrize("removed_by", ["found", "making"])
def test_a_folder_that_its_last_holder_removes_just_now_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed_by: str
) -> None:
    path = tmp_path / "build"
    make = os.mkdir
    if removed_by == "found":
        path.mkdir()
    gone: list[Path] = []

    def mkdir(folder: Any, *mode: Any, **options: Any) -> None:
        try:
            make(folder, *mode, **options)
        finally:
            if Path(folder) == path and not gone:
                gone.append(path)
                path.rmdir()

    monkeypatch.setattr(os, "mkdir", mkdir)
    folder = BuildFolder(path)
    assert gone
    assert folder.is_held()
    folder.release()
    assert not path.exists()


def test_a_file_in_its_place_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "build").write_text("")
    with pytest.raises(NotADirectoryError):
        BuildFolder(tmp_path / "build")


def test_threads_have_it_one_after_another(tmp_path: Path) -> None:
    holders: list[int] = []
    most: list[int] = []

    def work() -> None:
        for number in range(50):
            folder = BuildFolder(tmp_path / "build")
            holders.append(number)
            most.append(len(holders))
            (folder.path / "work").write_text("")
            holders.pop()
            folder.release()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 200
