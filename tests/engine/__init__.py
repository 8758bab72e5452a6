"""The stand-in plugins: pure parts directly, the rest under the real engine."""
