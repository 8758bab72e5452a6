"""The client of Railway's GraphQL API: documents, typed calls, responses, errors, credentials."""
