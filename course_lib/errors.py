"""What can go wrong, each as one sentence that says what to do."""


class CourseError(Exception):
    """Something a person can mend; the message is one sentence that says how."""

    def _render_traceback_(self) -> list[str]:
        """Let IPython show the sentence alone: a traceback through our modules helps nobody."""
        return [str(self)]


class EngineMissingError(CourseError):
    """No Docker engine answers where one was looked for."""


class EngineForbiddenError(CourseError):
    """The engine is there, but this user may not use it."""


class EngineSilentError(CourseError):
    """The engine accepts connections but does not answer."""


class EngineUnfitError(CourseError):
    """The engine answers but cannot run the lab (rootless, Podman, a refused capability)."""


class EngineSettingsError(CourseError):
    """What names the engine (DOCKER_HOST, a context, certificates) leads to none."""


class EngineRefusedError(CourseError):
    """The engine was asked for something and said no."""


class LabGoneError(CourseError):
    """The lab, or the dockerd in it, is not running (any more)."""


class CommandFailedError(CourseError):
    """A command in the lab ended otherwise than its cell declared."""


class CommandHungError(CourseError):
    """A command in the lab did not end in its time and was ended."""


class CommandInterruptedError(KeyboardInterrupt):
    """A command in the lab was ended because the learner wished it.

    It is a KeyboardInterrupt, which no loop of a lesson takes for a failure that could be tried again.
    """

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
