"""Attacks, each as a test: what an attacker or an accident leaves behind, and what reports it."""
