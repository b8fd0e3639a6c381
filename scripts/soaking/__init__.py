"""The soak: many mixed exchanges, each answer naming its request."""
