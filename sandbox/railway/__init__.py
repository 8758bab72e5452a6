"""A local Railway: a GraphQL server with our own SDL of the part of Railway's API that the program uses.

It executes every document, so a wrong field is an error. It also reproduces behaviour of the live API that is
easy to miss: instances that appear late, deployments that nobody requested, throttles, responses that are
lost after the effect.
"""
