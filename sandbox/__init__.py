"""Everything the program talks to, on this machine: Railway, Google, the engine, the Firestore emulator.

Used from outside only: the program never imports it and never knows that it talks to it.
"""
