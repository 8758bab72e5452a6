"""The Google sandbox really runs the deployed functions: `python -m sandbox up --run`.

From the source archive that was uploaded, in a process of Google's functions-framework each, behind the same
checks as on Google. `runner.FunctionsRunner` connects the parts.
"""
