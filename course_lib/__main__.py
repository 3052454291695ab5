"""`python -m course_lib`: the commands of `./course`."""

from course_lib.commands.cli import entry

if __name__ == "__main__":
    entry()
