"""What the Railway sandbox deploys, as processes on this machine (`python -m sandbox up --run`).

`runner` compares the deployments of the state with the processes, and has one `life` for each. A life takes a
copy of the source (`sources`), installs and builds it (`commands`), starts it in a `container`, waits for its
health check, restarts it, and stops it. The edge passes requests on to it (`proxy`, `addresses`).

What the sandbox decides, because Railway documents nothing: the waits between restarts, and that beside a
volume the old deployment comes back if the new one fails.
"""
