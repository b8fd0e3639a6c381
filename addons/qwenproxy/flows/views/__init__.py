"""How an exchange looks in mitmweb and in mitmproxy's console."""
