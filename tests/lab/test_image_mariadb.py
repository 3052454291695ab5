"""Test the lab's image mariadb: what its variables create, once, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from course_lib.notebook import current
from tests.worker import lab

pytestmark = [pytest.mark.live, pytest.mark.slow]  # they see what a recipe changes; chapters see the images
SYSTEM = {"information_schema", "mysql", "performance_schema", "sys"}


@pytest.fixture(scope="module", autouse=True)
def module_lab(running_lab: None) -> None:
    lab.reset()


@pytest.fixture(autouse=True)
def empty_host() -> Iterator[None]:
    yield
    current.host("docker ps -aq | xargs -r docker rm -fv; rm -rf /dbdata /secret")


def start(options: str) -> None:
    """Start a database on the host's /dbdata and wait until its port is open, or it has ended."""
    current.host(
        f"docker run -d --name db -v /dbdata:/var/lib/mysql {options} mariadb\n"
        "until docker exec db bash -c '</dev/tcp/127.0.0.1/3306' 2>/dev/null; do\n"
        "  [ $(docker inspect -f '{{.State.Running}}' db) = true ] || break; sleep 0.1\n"
        "done",
        timeout=40,
    )


def ask(statement: str, user: str = "root", key: str = "wordpress", fails: bool = False) -> list[str]:
    """Send a query as from another machine: over TCP, with a password."""
    command = f'docker exec db mariadb -h $(docker exec db hostname -I) -u{user} -p{key} -N -e "{statement}"'
    return current.host(command, fails=fails).splitlines()


def logs() -> str:
    return current.host("docker logs db")


def test_the_sources_command_makes_root_and_nothing_else_and_only_once() -> None:
    start("-e MYSQL_ROOT_PASSWORD=wordpress -e MYSQL_PASSWORD=wordpress")
    assert "MYSQL_PASSWORD (or MARIADB_PASSWORD) is ignored, because MYSQL_USER is missing" in logs()
    assert set(ask("SHOW DATABASES")) == SYSTEM
    assert set(ask("SELECT concat(user, '@', host) FROM mysql.user")) == {
        "root@%",
        "root@localhost",
        "mariadb.sys@localhost",
    }
    assert current.host("stat -c %u /dbdata").strip() == "999"
    ask("CREATE DATABASE kept")
    assert current.host("timeout 8 docker stop db; docker wait db; docker rm db").split() == ["db", "0", "db"]
    start("-e MYSQL_ROOT_PASSWORD=changed")
    assert "Making a database" not in logs()
    assert "kept" in ask("SHOW DATABASES")
    assert "1045" in ask("SELECT 1", key="changed", fails=True)[0]
    assert "Access denied for user 'root'@" in logs()


def test_a_database_and_its_user_with_names_that_need_quoting_and_a_password_from_a_file() -> None:
    current.host('printf %s "it\'s" >/secret')
    start(
        "-v /secret:/secret:ro -e MARIADB_ROOT_PASSWORD=wordpress -e MARIADB_DATABASE=my_blog"
        ' -e MARIADB_USER="o\'neil" -e MARIADB_PASSWORD_FILE=/secret'
    )
    assert "Warning: M" not in logs()
    ask("CREATE DATABASE myxblog")  # would match if the _ of the grant were a wildcard
    assert ask("SHOW DATABASES", '"o\'neil"', '"it\'s"') == ["information_schema", "my_blog"]
    assert ask("USE my_blog; CREATE TABLE t (n INT); SHOW TABLES", '"o\'neil"', '"it\'s"') == ["t"]


def test_no_password_for_root_is_refused_before_anything_is_written() -> None:
    start("-e MYSQL_DATABASE=blog")
    assert "set MARIADB_ROOT_PASSWORD or MYSQL_ROOT_PASSWORD" in logs()
    assert current.host("docker wait db; ls -A /dbdata") == "1\n"


def test_a_directory_with_something_else_is_refused_and_left_alone() -> None:
    current.host("mkdir /dbdata; echo mine >/dbdata/letter")
    start("-e MYSQL_ROOT_PASSWORD=wordpress")
    assert "is not empty, but holds no database" in logs()
    assert current.host("docker wait db; ls -A /dbdata; cat /dbdata/letter") == "1\nletter\nmine\n"


def test_what_a_failed_start_left_is_made_anew() -> None:
    start(f"-e MYSQL_ROOT_PASSWORD=wordpress -e MYSQL_DATABASE={'x' * 65}")
    assert current.host("docker wait db").strip() != "0"
    assert "Incorrect database name" in logs()
    assert current.host("ls -d /dbdata/mysql").strip() == "/dbdata/mysql"
    current.host("docker rm -f db")
    start("-e MYSQL_ROOT_PASSWORD=wordpress -e MYSQL_DATABASE=blog")
    assert set(ask("SHOW DATABASES")) == {*SYSTEM, "blog"}


def test_what_a_killed_start_left_is_made_anew() -> None:
    current.host(
        "docker run -d --name db -v /dbdata:/var/lib/mysql -e MYSQL_ROOT_PASSWORD=first mariadb\n"
        "until [ -e /dbdata/.unfinished ] && [ -d /dbdata/mysql ]; do sleep 0.02; done\n"
        "docker rm -f db; ls /dbdata/.unfinished",
        timeout=40,
    )
    start("-e MYSQL_ROOT_PASSWORD=wordpress")
    assert ask("SELECT 1") == ["1"]
