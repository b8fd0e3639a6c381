"""What outlives a request: stored responses with their items and events, and conversations."""
