"""Test the lab's image wordpress: when it creates a configuration, with which contents, and a complete site."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from course_lib.notebook import current
from tests.worker import lab

pytestmark = [pytest.mark.live, pytest.mark.slow]  # they see what a recipe changes; chapters see the images
SITE = "http://203.0.113.10:8080"
NO_CONNECTION = "Error establishing a database connection"


@pytest.fixture(scope="module", autouse=True)
def database(running_lab: None) -> Iterator[None]:
    """Give a database that has a root and nothing else, as the source makes it."""
    lab.reset()
    current.host(
        "docker run -d --name mysql -e MYSQL_ROOT_PASSWORD=wordpress mariadb\n"
        "until docker exec mysql mariadb -pwordpress -e 'SELECT 1' 2>/dev/null; do sleep 0.1; done",
        timeout=40,
    )
    yield
    current.host("docker rm -fv mysql; rm -f /secret")


@pytest.fixture(autouse=True)
def empty_host() -> Iterator[None]:
    yield
    current.host("docker rm -fv wordpress")


def start(options: str) -> None:
    """Start WordPress and wait until it answers, with any status."""
    current.host(
        f"docker run -d --name wordpress --link mysql:mysql -p 8080:80 {options} wordpress:latest\n"
        f"until curl -s -o /dev/null {SITE}/wp-includes/version.php; do sleep 0.1; done",
        timeout=40,
    )


def get(path: str, *options: str) -> str:
    """Return the status, where it leads, and the page."""
    words = " ".join(options)
    return current.client(f"curl -s {words} -w '\\nstatus %{{http_code}} to %{{redirect_url}}\\n' '{SITE}{path}'")


def configuration() -> list[str]:
    return current.host("docker exec wordpress find . -maxdepth 1 -name wp-config.php").split()


def sql(statement: str) -> str:
    return current.host(f"docker exec mysql mariadb -pwordpress -N -e '{statement}'")


def test_without_a_variable_there_is_no_configuration_but_the_wizard_which_can_write_one() -> None:
    start("")
    assert configuration() == []
    assert f"status 302 to {SITE}/wp-admin/setup-config.php" in get("/")
    assert 'value="localhost"' in get("/wp-admin/setup-config.php?step=1")
    wizard = ("-d", "'dbname=blog&uname=root&pwd=wordpress&dbhost=mysql&prefix=wp_&language='")
    assert "Cannot select database" in get("/wp-admin/setup-config.php?step=2", *wizard)
    sql("CREATE DATABASE blog")
    assert "Successful database connection" in get("/wp-admin/setup-config.php?step=2", *wizard)
    assert configuration() == ["./wp-config.php"]
    sql("DROP DATABASE blog")


def test_a_password_alone_makes_a_configuration_with_a_user_that_does_not_exist() -> None:
    start("-e WORDPRESS_DB_PASSWORD=wordpress")
    assert configuration() == ["./wp-config.php"]
    page = get("/")
    assert NO_CONNECTION in page
    assert "status 500" in page
    # It asked the host `mysql`, which nobody named.
    assert "Access denied for user 'example username'@" in current.host("docker logs mysql")


def test_no_database_is_made() -> None:
    start("-e WORDPRESS_DB_USER=root -e WORDPRESS_DB_PASSWORD=wordpress")
    assert NO_CONNECTION in get("/")
    assert "Cannot select database" in get("/wp-admin/install.php")
    assert "wordpress" not in sql("SHOW DATABASES")
    sql("CREATE DATABASE wordpress")  # the name that nobody named
    assert f"status 302 to {SITE}/wp-admin/install.php" in get("/")
    sql("DROP DATABASE wordpress")


def test_a_site_from_variables_and_files_is_there_again_in_a_new_container() -> None:
    sql("CREATE DATABASE blog")
    current.host("printf 'wordpress\\n' >/secret")
    options = (
        "-v /secret:/secret:ro -e WORDPRESS_DB_HOST=mysql:3306 -e WORDPRESS_DB_USER=root -e WORDPRESS_DB_NAME=blog"
        " -e WORDPRESS_DB_PASSWORD_FILE=/secret -e WORDPRESS_TABLE_PREFIX=lab_"
        " -e WORDPRESS_CONFIG_EXTRA='define(\"WP_POST_REVISIONS\", 7);'"
    )
    start(options)
    answers = (
        "weblog_title=Lab&user_name=author&admin_password=pen&admin_password2=pen&pw_weak=on"
        "&admin_email=author@client.example&blog_public=0&language="
    )
    assert "Success!" in get("/wp-admin/install.php?step=2", "-d", f"'{answers}'")
    assert "lab_posts" in sql("SHOW TABLES IN blog").split()
    assert "<title>Lab</title>" in get("/", "-L")
    assert "status 200" in get("/wp-login.php")
    extra = "docker exec wordpress php -r 'require \"wp-load.php\"; echo WP_POST_REVISIONS, AUTH_KEY === NONCE_KEY;'"
    assert current.host(extra) == "7"
    current.host("docker rm -fv wordpress")
    start(options)
    assert "<title>Lab</title>" in get("/", "-L")
    assert current.host("timeout 8 docker stop wordpress; docker wait wordpress").split() == ["wordpress", "0"]
    sql("DROP DATABASE blog")
