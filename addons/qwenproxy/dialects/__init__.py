"""The neutral core, translated to and from what the upstream speaks."""
