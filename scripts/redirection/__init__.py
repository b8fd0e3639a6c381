"""Transparent mode: the kernel leads a user's connections into the proxy for as long as a process lives."""
