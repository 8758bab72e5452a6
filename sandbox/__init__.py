"""Local stand-ins for what the program uses: Railway, Google, the Pulumi engine, the Firestore emulator.

The program never imports this package, and is the same for production and the sandbox.
"""
