"""`python -m ops accept`: the five acceptance tests of the production runbook, for any stack.

The steps (`thread_isolation`, `receiving`, `sending`, `recording`, `question`) see the CRM through three
interfaces of `world`: the database, the app of a signed-in user, and the hands that hold the client's phone.
A sandbox has hands of its own (`loopback`); in production a person does what they do (`person`). The steps
are the same.
"""
