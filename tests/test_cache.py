"""The cache: made for ourselves alone, and trusted only where nobody else can change it."""

import os
import time
from pathlib import Path

import pytest

from charlstm.files.cache import check_path, make_folder, move_into_cache, remove_abandoned

pytestmark = pytest.mark.skipif(os.name != "posix", reason="owners and modes")
STRANGER = 12345


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_folder(tmp_path / "home" / "cache")
    return tmp_path / "home"


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077, 0o777])
def test_folders_are_made_for_ourselves_alone(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        make_folder(tmp_path / "a" / "b" / "c")
        make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    for folder in ("a", "a/b", "a/b/c"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700
    check_path(tmp_path / "a" / "b" / "c")


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for folder in ("a", "a/b"):
        with pytest.raises(NotADirectoryError):
            make_folder(tmp_path / folder)


def test_what_is_ours_is_sound(home: Path) -> None:
    (home / "cache" / "library").touch()
    (home / "link").symlink_to("cache")
    (home / "far").symlink_to(home / "cache")
    for path in ("cache", "cache/library", "link/library", "far/library", "cache/../cache/library", "not/yet/there"):
        check_path(home / path)


def test_where_the_owner_of_a_thing_alone_moves_it_is_sound(home: Path) -> None:
    home.chmod(0o1777)  # as /tmp is
    check_path(home / "cache")


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777, 0o770])
@pytest.mark.parametrize("path", ["cache/gates", "link/gates", "far/gates", "cache/../cache/gates"])
def test_a_folder_that_others_can_write_to_is_not(home: Path, path: str, mode: int) -> None:
    (home / "cache" / "gates").mkdir()
    (home / "link").symlink_to("cache")
    (home / "far").symlink_to(home.parent / "home" / "cache")
    for place in (home / "cache", home):
        place.chmod(mode)
        with pytest.raises(PermissionError) as caught:
            check_path(home / path)
        assert f"other users can write to the folder {place}; run chmod go-w on it" in caught.value.strerror
        place.chmod(0o700)
    check_path(home / path)


def test_a_file_that_others_can_write_to_is_not(home: Path) -> None:
    library = home / "cache" / "library"
    library.touch()
    library.chmod(0o602)
    with pytest.raises(PermissionError, match="other users can write to the file"):
        check_path(library)


def test_links_in_a_ring_end(home: Path) -> None:
    (home / "a").symlink_to("b")
    (home / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        check_path(home / "a" / "gates")


@pytest.mark.parametrize("what", ["folder", "link", "file"])
def test_what_another_user_owns_is_not(home: Path, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    (home / "link").symlink_to("cache")
    (home / "cache" / "library").touch()
    place = {"folder": home / "cache", "link": home / "link", "file": home / "cache" / "library"}[what]
    if os.geteuid() == 0:
        os.chown(place, STRANGER, STRANGER, follow_symlinks=False)
    else:  # then it is we who are somebody else
        monkeypatch.setattr(os, "geteuid", lambda: STRANGER)
    with pytest.raises(PermissionError, match="belongs to another user; set CHARLSTM_CACHE_DIR to a"):
        check_path(home / "link" / "library")


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("tmp-old", "tmp-new", "kept"):
        (tmp_path / "key" / name).mkdir(parents=True)
        (tmp_path / "key" / name / "half").touch()
    (tmp_path / "key" / "tmp.lock").touch()
    an_hour_ago = time.time() - 3600
    for name in ("tmp-old", "tmp.lock", "kept"):
        os.utime(tmp_path / "key" / name, (an_hour_ago, an_hour_ago))
    remove_abandoned(tmp_path, "*/tmp*", 600)
    assert sorted(p.name for p in (tmp_path / "key").iterdir()) == ["kept", "tmp-new"]


@pytest.mark.parametrize("complete", [True, False])
def test_a_folder_that_another_process_put_in_its_place_stays_if_it_is_complete(tmp_path: Path, complete: bool) -> None:
    new, place, aside = (tmp_path / name for name in ("new", "place", "aside"))
    for folder in (new, place, aside):  # aside is in the way, so what is in the place cannot go
        folder.mkdir()
        (folder / "content").write_text(folder.name)
    if not complete:
        with pytest.raises(OSError, match="place"):
            move_into_cache(new, place, aside, "about")
    else:
        (place / "about").write_text("")
        move_into_cache(new, place, aside, "about")
    assert (place / "content").read_text() == "place"


def test_a_damaged_folder_gives_way(tmp_path: Path) -> None:
    new, place, aside = (tmp_path / name for name in ("new", "place", "aside"))
    for folder in (new, place):
        folder.mkdir()
        (folder / "content").write_text(folder.name)
    move_into_cache(new, place, aside, "about")
    assert ((place / "content").read_text(), (aside / "content").read_text()) == ("new", "place")
