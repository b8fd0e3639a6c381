"""The benchmark: qwenproxy beside bare mitmproxy, on the same upstream, in one run.  `./scripts/bench --help`."""
