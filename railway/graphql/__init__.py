"""The client of Railway's GraphQL API: documents, HTTP, interpretation of responses, typed calls."""
