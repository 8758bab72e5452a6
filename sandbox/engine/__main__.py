"""`python -m sandbox.engine`: find or build the engine and actionlint, and print where they are."""

import sys

from sandbox.engine.toolchain import main

if len(sys.argv) > 1:
    sys.exit(f"python -m sandbox.engine takes no arguments, not {' '.join(sys.argv[1:])}")
sys.exit(main())
