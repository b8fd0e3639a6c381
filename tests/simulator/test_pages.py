"""The pages as such: what they say, what one can click, and that nothing foreign gets into them."""

import pytest

from qwenproxy.simulator import pages
from tests.support.html import Page

HOSTILE = "<script>alert('1')</script>\"><img src=x>"
ATTEMPT = pages.Attempt("KXWT-29PL", "tk_1", "f0304", "openid model.completion", 840.0)
STATE = pages.Oddities(
    {"firewall STATUS": "a page", "slow SECONDS": "slow"}, ["firewall 503, 2 ×"], {"rotate": "true"}, {"refreshes": 3}
)
ALL = {
    "confirm": pages.confirm(ATTEMPT),
    "ask for the code": pages.ask_code(),
    "ask again": pages.ask_code("There is no such code."),
    **{state: pages.outcome(state) for state in pages.OUTCOMES},
    "forbidden": pages.forbidden(),
    "control": pages.control(STATE),
}


@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_every_page_says_that_it_is_the_simulators(text: str) -> None:
    page = Page(text)
    assert page.text.startswith("This is the simulator of qwenproxy, not chat.qwen.ai")
    assert page.title.endswith(" – simulator")
    assert page.title.startswith(page.headings[0])


@pytest.mark.parametrize("text", ALL.values(), ids=list(ALL))
def test_no_page_runs_or_loads_anything(text: str) -> None:
    page = Page(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert not {name for name in page.attributes if name.startswith("on") or name in ("src", "href", "style")}
    assert text.startswith('<!doctype html><html lang="en">')


def test_a_sign_in_is_confirmed_by_one_click_and_refused_by_another() -> None:
    page = Page(pages.confirm(ATTEMPT))
    (form,) = page.forms
    assert (form.method, form.action) == ("post", "/authorize")
    assert form.fields == {"user_code": "KXWT-29PL", "ticket": "tk_1"}
    assert form.buttons == [("Authorise", "answer", "authorise"), ("Refuse", "answer", "refuse")]
    assert "KXWT-29PL" in page.text
    assert "openid model.completion" in page.text


@pytest.mark.parametrize(("seconds", "said"), [(840, "14 more minutes"), (61, "1 more minute."), (3, "1 more minute.")])
def test_it_says_how_long_the_code_is_good(seconds: float, said: str) -> None:
    assert said in Page(pages.confirm(ATTEMPT._replace(seconds_left=seconds))).text


def test_the_code_can_be_typed() -> None:
    (form,) = Page(pages.ask_code()).forms
    assert (form.method, form.action, list(form.fields)) == ("get", "/authorize", ["user_code"])
    assert "There is no such code." in Page(pages.ask_code("There is no such code.")).text


def test_the_control_page_shows_how_things_are() -> None:
    page = Page(pages.control(STATE, "that was wrong"))
    assert "that was wrong" in page.text
    assert "firewall 503, 2 ×" in page.text
    assert "refreshes 3" in page.text
    assert '<option value="firewall">firewall STATUS</option>' in pages.control(STATE)
    plan, actions, terms = page.forms
    assert {form.method for form in page.forms} == {"post"}
    assert {form.action for form in page.forms} == {"/simulator/oauth"}
    assert list(plan.fields) == ["oddity", "argument", "times"]
    assert [name for _, name, _ in actions.buttons] == ["clear", "revoke"]
    assert terms.fields == {"rotate": "true"}


@pytest.mark.parametrize(
    "text",
    [
        pages.page(HOSTILE, ""),
        pages.confirm(pages.Attempt(HOSTILE, HOSTILE, HOSTILE, HOSTILE, 1.0)),
        pages.ask_code(HOSTILE),
        pages.control(pages.Oddities({HOSTILE: HOSTILE}, [HOSTILE], {HOSTILE: HOSTILE}, {HOSTILE: 1}), HOSTILE),
    ],
    ids=["heading", "attempt", "complaint", "state"],
)
def test_foreign_text_stays_text(text: str) -> None:
    assert not Page(text).tags & {"script", "img"}
    assert HOSTILE not in text


def test_a_page_may_not_be_framed_kept_or_scripted() -> None:
    policy = pages.HEADERS["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert pages.HEADERS["cache-control"] == "no-store"
    assert pages.HEADERS["referrer-policy"] != "no-referrer", "browsers would hide the Origin of our own forms"
