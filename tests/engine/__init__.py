"""The stand-in plugins: pure parts by themselves, the rest under the real engine."""
