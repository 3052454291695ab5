"""Run the commands of `./course`: `python -m course_lib COMMAND`."""

from course_lib.commands.cli import entry

if __name__ == "__main__":
    entry()
