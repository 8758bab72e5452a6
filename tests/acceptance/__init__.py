"""The runbook's five acceptance tests, unattended, on a sandbox that runs the example."""
