"""The only code that touches a mitmproxy flow."""
