"""Railway on this machine: a GraphQL server over our own SDL of the part of Railway's API that the program
uses.

It executes every document, so a wrong field fails by itself, and shows the behaviours that a wrong program
only meets in production: late instances, deployments nobody asked for, throttles, answers lost after their
effect.
"""
