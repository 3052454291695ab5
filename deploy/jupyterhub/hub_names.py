"""The names that the hub's configuration and its preparation share."""

import os

from course_lib.lab import images, lifecycle

RELEASE = images.RELEASES[lifecycle.DEFAULT_ENGINE]
NAME = f"{images.PREFIX}-{os.environ.get('COURSE_HUB', 'hub')}"  # of the network; what a learner has begins with it
ENGINE_IMAGE = f"{images.PREFIX}/hub-engine:{RELEASE}"
SERVER_IMAGE = f"{images.PREFIX}/hub-server:{RELEASE}"
