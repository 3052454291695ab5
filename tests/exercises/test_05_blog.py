"""Test the checks of exercise 05 on states of the lab that no mistake in its folder causes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from course_lib.exercises import catalog
from course_lib.exercises.checks import Result, Seen
from course_lib.network.model import Container, Endpoint, Link, Network, Port, Snapshot

EXERCISE = catalog.named("05_blog")
VALUES = {"net": "quill", "db": "attic", "database": "letters", "user": "clerk", "password": "pen-1", "blog": "herald",
          "port": 8200, "title": "News No 7"}  # fmt: skip
DB = Container(
    "attic", "1", "mariadb", "mariadbd", "running", "quill", (Endpoint("quill", "eth0", ("172.18.0.2/16",)),)
)
BLOG = Container(
    "herald", "2", "wordpress", "apache2", "running", "quill",
    (Endpoint("quill", "eth0", ("172.18.0.3/16",)),), (Port(80, "tcp", "0.0.0.0", 8200),),
)  # fmt: skip
NET = Network("quill", "3", "bridge", "br-3")
URL = "http://203.0.113.10:8200/"
FAILS = "<title>Database Error <h1>Error establishing a database connection 500"
WELL = {
    "login": (0, "information_schema\nletters"),
    "db said": (0, "Making a database"),
    "page": (0, f"<title>News No 7\n<h1>Blog\n200 {URL}"),
    "turned away": (1, ""),
    "name": (0, "172.18.0.2 attic"),
    "tables": (0, "wp_options\nwp_posts"),
    "outside": (0, "attic\nasked"),
    "neighbour": (124, ""),
    "stranger": (1, ""),
    "again": (0, f"without: {FAILS} {URL}\nagain: <title>News No 7 <h1>Blog 200 {URL} \ntables: 12"),
}


def judged(check: str, db: Container | None = DB, blog: Container | None = BLOG, net: Network | None = NET,
           **changed: tuple[int, str]) -> str:  # fmt: skip
    """Return the hint of a check if only `changed` differs from a right answer; "" if it passes."""
    results = {name: Result("host", "true", *said) for name, said in (WELL | changed).items()}
    containers = tuple(c for c in (db, blog) if c)
    network = Snapshot("26.1", containers=containers, networks=(net,) if net else ())
    [judge] = [c.judge for c in EXERCISE.checks if c.name == check]
    return str(judge(Seen(VALUES, network, results)).hint)


def again(said: str, tables: str) -> dict[str, tuple[int, str]]:
    return {"again": (0, f"without: {FAILS} {URL}\nagain: {said}\ntables: {tables}")}


def also(container: Container, network: str) -> Container:
    """Return a container that is on one more network."""
    return replace(container, endpoints=(*container.endpoints, Endpoint(network, "eth1", ("172.17.0.9/16",))))


def test_everything_is_well() -> None:
    assert [c.name for c in EXERCISE.checks if judged(c.name)] == []
    assert EXERCISE.points == 12
    assert judged("network", db=also(DB, "bridge")) == "", "that is for another check"


@pytest.mark.parametrize(
    ("hint", "db", "blog", "net"),
    [
        ("db-absent", None, BLOG, NET),
        ("blog-absent", DB, None, NET),
        ("blog-ended", DB, replace(BLOG, state="exited"), NET),
        ("outside", DB, replace(BLOG, endpoints=()), NET),
        ("no-network", replace(DB, endpoints=()), BLOG, None),
        ("link", replace(DB, endpoints=()), replace(BLOG, links=(Link("attic", "mysql"),)), None),
        ("other-driver", DB, BLOG, replace(NET, driver="macvlan")),
    ],
)
def test_where_the_containers_are(hint: str, db: Container, blog: Container, net: Network) -> None:
    assert judged("network", db, blog, net) == hint


@pytest.mark.parametrize(
    ("check", "changed", "hint"),
    [
        ("database", {"login": (1, "ERROR 2002 (HY000): Can't connect")}, "db-silent"),
        ("database", {"login": (0, "ERROR 1045 (28000): Access denied")}, "other-user"),
        ("database", {"login": (0, "information_schema\nletters\nmysql\nsys")}, "too-much"),
        ("page", {"page": (22, f"{FAILS} {URL}"), "name": (2, "")}, "no-name"),
        ("page", {"page": (22, FAILS), "turned away": (0, "Access denied for user 'clerk'")}, "denied"),
        ("page", {"page": (22, FAILS)}, "elsewhere"),
        ("page", {"page": (0, f"<title>Another &amp; one\n200 {URL}")}, "other-title"),
        ("page", {"page": (7, "301 http://203.0.113.10/")}, "sent-away"),
        ("page", {"page": (7, "000 http://localhost:8200/")}, "sent-away"),
        ("page", {"page": (7, f"000 {URL}")}, "silent"),
        ("page", {"tables": (0, "")}, "other-database"),
        ("page", {"page": (0, f"<title>News No 70\n200 {URL}")}, "other-title"),
        ("closed", {"outside": (0, "attic\nit comes from http://203.0.113.10:3307/\nasked")}, "published"),
        ("closed", {"outside": (125, "OCI runtime pause failed: unable to freeze")}, ""),
        ("closed", {"neighbour": (0, "in")}, "neighbour"),
        ("closed", {"stranger": (0, "")}, "also-outside"),
        ("outlives", {"again": (0, f"without: <title>News No 7 200 {URL}")}, "elsewhere"),
        ("outlives", again(f"<title>WordPress 200 {URL}wp-admin/setup-config.php", "12"), "config-gone"),
        ("outlives", again(f"{FAILS} {URL}", "12"), "address"),
        ("outlives", again(f"{FAILS} {URL}", "ERROR 1045 (28000)"), "data-gone"),
        ("outlives", again(f"<title>WordPress 200 {URL}wp-admin/install.php", "0"), "data-gone"),
        ("outlives", {"again": (124, "without: ")}, "no-twins"),
    ],
)
def test_what_is_wrong_is_told_by_its_hint(check: str, changed: dict[str, tuple[int, str]], hint: str) -> None:
    assert judged(check, **changed) == hint


def test_the_title_may_have_a_tagline() -> None:
    assert judged("page", page=(0, f"<title>News No 7 &#8211; All of them\n200 {URL}")) == ""


def test_a_database_on_a_second_network_is_seen() -> None:
    assert judged("closed", db=also(DB, "private"), blog=also(BLOG, "private")) == "", "nobody else is there"
    assert judged("closed", db=also(DB, "bridge")) == "also-outside"
    assert judged("closed", db=replace(DB, ports=(Port(3306, "tcp", "127.0.0.1", 3306),))) == "published"


def test_every_hint_is_there_and_no_check_falls_over_whatever_the_lab_says() -> None:
    for check in EXERCISE.checks:
        for junk in ("", "\0", "without: \nagain: \ntables: ²", "ERROR", "200", "<title>" * 50):
            for db, blog in ((None, None), (DB, None), (DB, BLOG)):
                hint = judged(check.name, db, blog, **dict.fromkeys(WELL, (1, junk)))
                assert not hint or hint in check.hints or hint.endswith(("-absent", "-ended"))
