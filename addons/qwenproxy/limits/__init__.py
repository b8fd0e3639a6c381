"""How much may be asked of the proxy."""
