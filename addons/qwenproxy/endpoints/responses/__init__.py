"""POST /v1/responses: an endpoint over the chat core."""
