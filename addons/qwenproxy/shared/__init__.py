"""The state that several machines share: the way to its Redis, and what seals it there."""
