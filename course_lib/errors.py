"""Define the errors of the course; the message of each is one sentence that says what to do."""


class CourseError(Exception):
    """An error the user can fix. The message is one sentence that says how."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback: the message alone."""
        return [str(self)]


class EngineMissingError(CourseError):
    """No Docker engine answers where one was looked for."""


class EngineForbiddenError(CourseError):
    """An engine is running, but this user may not use it."""


class EngineSilentError(CourseError):
    """The engine accepts connections but does not answer."""


class EngineUnfitError(CourseError):
    """The engine answers but lacks what the lab needs (rootless, Podman, a refused capability): `missing`."""

    def __init__(self, message: str, missing: str = "") -> None:
        super().__init__(message)
        self.missing = missing


class NamespaceRefusedError(CourseError):
    """The machine refuses a user namespace to a lab."""


class EngineSettingsError(CourseError):
    """The settings (DOCKER_HOST, a context, certificates) do not lead to an engine."""


class EngineRefusedError(CourseError):
    """The engine refused a request."""


class LabGoneError(CourseError):
    """The lab or the dockerd in it does not exist, has ended, or does not answer."""


class CommandFailedError(CourseError):
    """A command in the lab failed, or succeeded although its cell declared a failure."""


class CommandHungError(CourseError):
    """A command in the lab exceeded its time limit and was killed."""


class CommandInterruptedError(KeyboardInterrupt):
    """A command in the lab was killed because the learner interrupted it.

    It is a KeyboardInterrupt, so that a loop which retries after a CourseError does not catch it.
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
