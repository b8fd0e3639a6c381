"""What holds for every test: none of the user's own settings, and how much hypothesis tries."""

import os
import tempfile

from hypothesis import settings

FOREIGN = ("QWENPROXY_", "DASHSCOPE_", "BAILIAN_", "OPENAI_")
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

for name in list(os.environ):
    if name.startswith(FOREIGN) or name.lower() in PROXIES:
        del os.environ[name]
os.environ["XDG_CONFIG_HOME"] = os.path.join(tempfile.gettempdir(), "qwenproxy-tests-have-no-config")

settings.register_profile("quick", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, max_examples=1000)
settings.load_profile("fuzz" if os.environ.get("FUZZ_MINUTES") else "quick")
