"""What the checkout of the app says: firebase.json, rules, indexes, functions, archive."""
