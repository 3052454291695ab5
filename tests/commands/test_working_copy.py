"""Test the learner's working copy: what is in it, that work survives each update, and that git sees none of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_lib.commands import working_copy
from course_lib.errors import CourseError
from course_lib.paths import MANIFEST, ROOT, WORK

CHAPTER = "02_publishing_ports.ipynb"
EXERCISE = "exercises/02_publish_three_ways/02_publish_three_ways.ipynb"
TODAY = r"\d{4}-\d\d-\d\d"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return working_copy.lay(tmp_path / "my work")


def write_into(path: Path, text: str) -> None:
    """Write text into the first cell of a notebook, as a learner does."""
    book = nbformat.read(path, as_version=4)
    book.cells[1].source = text
    nbformat.write(book, path)


def source(path: Path) -> str:
    return str(nbformat.read(path, as_version=4).cells[1].source)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the course have a newer chapter 02."""
    contents = working_copy._contents()
    book = nbformat.reads(contents[CHAPTER].decode(), as_version=4)
    book.cells[1].source = "newer"
    contents[CHAPTER] = nbformat.writes(book).encode()
    monkeypatch.setattr(working_copy, "_contents", lambda: dict(contents))


# --- what is in it ------------------------------------------------------------------------------------------------


def test_it_has_every_notebook_and_nothing_that_answers_an_exercise(folder: Path) -> None:
    chapters = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    exercises = {f"exercises/{path.parent.name}" for path in (ROOT / "exercises").glob("*/exercise.ipynb")}
    assert chapters | exercises == set(working_copy.STEPS)
    found = files(folder)
    assert sorted(found) == sorted(
        [
            *(f"{name}.ipynb" for name in chapters),
            *(f"{name}/{Path(name).name}.ipynb" for name in exercises),
            *("pictures/06_plain.png", "pictures/06_pre.png", "course", MANIFEST),
        ]
    )
    assert found["pictures/06_pre.png"] == (ROOT / "notebooks" / "pictures" / "06_pre.png").read_bytes()


def test_notebooks_have_no_outputs_and_are_otherwise_the_course_s(folder: Path) -> None:
    for step in working_copy.STEPS:
        mine = nbformat.read(folder / working_copy._place(step), as_version=4)
        nbformat.validate(mine)
        theirs = nbformat.read(ROOT / (f"{step}/exercise.ipynb" if "/" in step else f"notebooks/{step}.ipynb"), 4)
        # An exercise has another place in the copy: `exercises/NAME/NAME.ipynb`.
        there = [re.sub(r"\.\./(exercises/(\w+))/exercise", r"\1/\2", c.source) for c in theirs.cells]
        assert [c.source for c in mine.cells[1:-1]] == there
        assert [c.cell_type for c in mine.cells[1:-1]] == [c.cell_type for c in theirs.cells]
        for cell in mine.cells:
            assert cell.cell_type == "markdown" or (cell.outputs, cell.execution_count) == ([], None)
        assert any(c.get("outputs") for c in theirs.cells), "the committed notebook keeps its outputs"


def test_every_link_leads_to_a_file(folder: Path) -> None:
    for path in folder.rglob("*.ipynb"):
        book = nbformat.read(path, as_version=4)
        for target in [
            t for cell in book.cells if cell.cell_type == "markdown" for t in working_copy.LINK.findall(cell.source)
        ]:
            assert (path.parent / target).is_file(), f"{path.name}: {target}"


def test_the_links_lead_through_the_whole_course_and_back(folder: Path) -> None:
    here, seen = Path(working_copy.FIRST), []
    while True:
        book = nbformat.read(folder / here, as_version=4)
        top, end = book.cells[0].source, book.cells[-1].source
        assert top == end
        seen.append(here.as_posix())
        if here.name != working_copy.FIRST:
            assert "[Start here](" in top
            assert top.count(Path(working_copy.FIRST).name) == 1
            assert "Previous: [" in top or len(seen) == 2
        # An exercise comes before the next chapter.
        links = dict.fromkeys(re.findall(r"(?:Next|Exercise): \[[^]]*\]\(([^)]*)\)", top))
        if not links:
            break
        here = Path(os.path.normpath(here.parent / next(iter(links))))
    assert seen == [working_copy._place(step) for step in working_copy.STEPS]


def test_the_course_s_command_works_in_it(folder: Path) -> None:
    done = subprocess.run(["./course", "restore", "nosuch"], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("nosuch is not the name of one notebook")


# --- a learner's work ---------------------------------------------------------------------------------------------


def test_a_second_time_nothing_changes_and_nothing_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_into(folder / CHAPTER, "mine")
    before = files(folder)
    working_copy.lay(folder)
    assert files(folder) == before
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("newer")
def test_a_newer_chapter_replaces_a_copy_that_was_opened_and_saved(tmp_path: Path) -> None:
    folder = working_copy.lay(tmp_path / "copy")
    book = nbformat.read(folder / CHAPTER, as_version=4)
    book.cells[1].source = "older"
    book.metadata.language_info = {"name": "python", "version": "3.13.5"}
    nbformat.write(book, folder / CHAPTER)
    laid = json.loads((folder / MANIFEST).read_text())
    laid[CHAPTER] = working_copy._digest(CHAPTER, (folder / CHAPTER).read_bytes())
    (folder / MANIFEST).write_text(json.dumps(laid))
    working_copy.lay(folder)
    assert source(folder / CHAPTER) == "newer"


def test_a_newer_chapter_is_put_next_to_a_changed_one_once(
    folder: Path, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]
) -> None:
    write_into(folder / CHAPTER, "mine")
    request.getfixturevalue("newer")
    working_copy.lay(folder)
    said = capsys.readouterr().out
    match = re.fullmatch(
        rf"You changed {CHAPTER}, and the course has a newer one: it is next to yours, as (\S+)\.\n", said
    )
    assert match
    assert re.fullmatch(rf"02_publishing_ports\.new-{TODAY}\.ipynb", match[1])
    assert (source(folder / CHAPTER), source(folder / match[1])) == ("mine", "newer")
    write_into(folder / match[1], "mine too")
    before = files(folder)
    working_copy.lay(folder)
    assert files(folder) == before
    assert capsys.readouterr().out == ""


def test_outputs_are_a_learner_s_work(folder: Path, request: pytest.FixtureRequest) -> None:
    book = nbformat.read(folder / CHAPTER, as_version=4)
    next(c for c in book.cells if c.cell_type == "code").outputs = [nbformat.v4.new_output("stream", text="ran")]
    nbformat.write(book, folder / CHAPTER)
    before = (folder / CHAPTER).read_bytes()
    request.getfixturevalue("newer")
    working_copy.lay(folder)
    assert (folder / CHAPTER).read_bytes() == before


@pytest.mark.parametrize("manifest", [None, b"", b"{", b"[]", b'{"a": 1}'])
def test_without_its_manifest_nothing_is_overwritten(folder: Path, manifest: bytes | None) -> None:
    write_into(folder / CHAPTER, "mine")
    (folder / EXERCISE).write_text("not a notebook any more")
    (folder / MANIFEST).unlink()
    if manifest is not None:
        (folder / MANIFEST).write_bytes(manifest)
    working_copy.lay(folder)
    assert source(folder / CHAPTER) == "mine"
    assert (folder / EXERCISE).read_text() == "not a notebook any more"
    assert len(list(folder.rglob("*.new-*.ipynb"))) == 2


def test_killed_in_the_middle_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    code = (
        "import os, pathlib, signal, sys\n"
        "from course_lib.commands import working_copy\n"
        "real, left = pathlib.Path.replace, list(range(5))\n"
        "def replace(*arguments):\n"
        "    if left: return left.pop() and real(*arguments) or real\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "pathlib.Path.replace = replace\n"
        "working_copy.lay(pathlib.Path(sys.argv[1]))"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert 0 < len(list(folder.rglob("*.ipynb"))) < len(working_copy.STEPS)
    done = next(folder.glob("*.ipynb"))
    write_into(done, "mine")
    working_copy.lay(folder)
    assert source(done) == "mine"
    assert all((folder / working_copy._place(step)).exists() for step in working_copy.STEPS)


# --- where it cannot be -------------------------------------------------------------------------------------------


def up(folder: str) -> subprocess.CompletedProcess[str]:
    """Run `./course up` so far that it would need an engine."""
    command = [sys.executable, "-m", "course_lib", "up", "--no-browser", "--no-install", "--work", folder]
    env = {**os.environ, "DOCKER_HOST": "unix:///nosuch.sock"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("place", ["notebooks/mine", "notebooks", ".", "exercises/02_publish_three_ways", "other"])
def test_in_the_clone_there_is_only_one_place(place: str) -> None:
    done = up(str(ROOT / place))
    assert done.returncode == 1
    assert re.fullmatch(r".* is in the course's own folder, where only my-course is for your work: .*\n", done.stderr)
    assert not (ROOT / "other").exists()


def test_a_link_into_the_clone_is_seen(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(ROOT / "notebooks")
    with pytest.raises(CourseError, match="the course's own folder"):
        working_copy.lay(tmp_path / "link")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    done = up(str(tmp_path / "file"))
    assert done.returncode == 1
    assert re.fullmatch(r"The working copy \S+ cannot be written \(Not a directory\): choose .*\.\n", done.stderr)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"^The working copy \S+ cannot be written \(.*\): choose another folder"):
        working_copy.lay(Path("/sys/my-course"))


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root may mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(CourseError, match=r"No space left on device") as caught:
            working_copy.lay(tmp_path / "copy")
        assert "\n" not in str(caught.value)
        done = sorted((tmp_path / "copy").glob("*.ipynb"))
        assert done
        for path in done:
            nbformat.read(path, as_version=4)
        assert not list(tmp_path.rglob(".course-0*")), "nothing half written stays"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


# --- restore ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("02", CHAPTER),
        ("02_publishing_ports.ipynb", CHAPTER),
        ("exercises/02", EXERCISE),
        ("02_publish_three_ways", EXERCISE),
    ],
)
def test_restore_gives_a_fresh_notebook_and_keeps_the_old_one(
    folder: Path, name: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fresh, path = (folder / place).read_bytes(), folder / place
    kept = []
    for text in ("mine", "mine again"):
        write_into(path, text)
        working_copy.restore(folder, name)
        assert path.read_bytes() == fresh
        said = capsys.readouterr().out
        match = re.fullmatch(rf"Kept your {place} as (\S+)\.\n{re.escape(str(path))} is fresh\.\n", said)
        assert match
        kept.append(source(path.parent / match[1]))
    assert kept == ["mine", "mine again"]


@pytest.mark.parametrize("name", ["", "0", "nosuch", "exercises/", "../x"])
def test_restore_needs_the_name_of_one_notebook(folder: Path, name: str) -> None:
    before = files(folder)
    with pytest.raises(CourseError, match="is not the name of one notebook"):
        working_copy.restore(folder, name)
    assert files(folder) == before


def test_restore_without_a_working_copy(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="There is no working copy"):
        working_copy.restore(tmp_path, "02")


# --- the clone ----------------------------------------------------------------------------------------------------


def test_git_sees_nothing_of_it(tmp_path: Path) -> None:
    """In a repository of its own, because this one may hold changes of its author's."""
    clone = tmp_path / "clone"
    tracked = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in tracked.rstrip("\0").split("\0"):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
        return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=True).stdout

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "all")
    code = "from course_lib import paths\nfrom course_lib.commands import working_copy\nworking_copy.lay(paths.work())"
    env = {**os.environ, "PYTHONPATH": str(clone)}
    subprocess.run([sys.executable, "-c", code], cwd=clone, env=env, check=True)
    work = clone / WORK.name
    write_into(work / CHAPTER, "mine")
    (work / "network-1.png").write_bytes(b"saved")
    (work / "exercises" / "02_publish_three_ways" / "answer.sh").write_text("true\n")
    subprocess.run([sys.executable, "-c", code], cwd=work, env=env, check=True)
    assert (work / CHAPTER).exists()
    assert git("status", "--porcelain") == ""
