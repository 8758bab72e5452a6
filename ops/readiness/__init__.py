"""`python -m ops readiness`: every line of the production runbook as a check with evidence. It only reads."""
