"""A program with TRIVIAL_RESOURCES resources, to measure the minimum duration of a preview."""

import os

from trivial import Trivial

for number in range(int(os.environ["TRIVIAL_RESOURCES"])):
    Trivial(f"trivial-{number}")
