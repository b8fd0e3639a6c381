"""The programs for the shared login: what each does is in test_shared_store.py; here, that Redis knows them apart."""

from qwenproxy.auth import shared_scripts
from qwenproxy.shared.script import Script


def test_each_is_another() -> None:
    scripts = [each for each in vars(shared_scripts).values() if isinstance(each, Script)]
    assert len({each.sha for each in scripts}) == len(scripts) > 5
