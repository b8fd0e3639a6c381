"""What is seen of the proxy from outside."""
