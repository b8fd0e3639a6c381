"""Several processes on the same sockets: what `qwenproxy run --workers` is made of."""
