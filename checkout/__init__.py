"""The app's checkout: firebase.json, rules, indexes, functions and their source archives."""
