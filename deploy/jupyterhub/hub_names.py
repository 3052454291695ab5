"""Define the names that jupyterhub_config.py and prepare.py share."""

import os

from course_lib.lab import images, lifecycle

RELEASE = images.RELEASES[lifecycle.DEFAULT_ENGINE]
NAME = f"{images.PREFIX}-{os.environ.get('COURSE_HUB', 'hub')}"  # the network, and a prefix
ENGINE_IMAGE = f"{images.PREFIX}/hub-engine:{RELEASE}"
SERVER_IMAGE = f"{images.PREFIX}/hub-server:{RELEASE}"
