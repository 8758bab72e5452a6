"""Local stand-ins for what the program uses: Railway, Google, the Pulumi engine, the Firestore emulator.

The program never imports this package and does not know whether it talks to the sandbox or to production.
"""
