"""A Qwen that needs no account and no network: apart from the proxy, which treats it as any other upstream."""
