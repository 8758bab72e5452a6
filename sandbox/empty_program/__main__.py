"""As many trivial resources as TRIVIAL_RESOURCES says: what a preview costs when nothing has to be done."""

import os

from trivial import Trivial

for number in range(int(os.environ["TRIVIAL_RESOURCES"])):
    Trivial(f"trivial-{number}")
