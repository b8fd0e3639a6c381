"""What yields a bearer token for the upstream, and keeps it fresh."""
