"""Who comes in, and what a browser must bring to stay in."""

import hashlib

import httpx
import pytest

from trus.app.login import IDLE_S, MOST_SESSIONS, Login

from .in_process import API

TOKEN = "a-token-of-the-clinic-42"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


@pytest.fixture
def clock():
    """Seconds that a test sets."""

    def now() -> float:
        return now.seconds

    now.seconds = 0.0
    return now


def scope(path: str, cookie: str = "", **headers: str) -> dict:
    """A request from the browser; the cookie under its name of port 80."""
    given = {"cookie": f"trus-80={cookie}"} | {name.replace("_", "-"): value for name, value in headers.items()}
    pairs = [(name.encode(), value.encode()) for name, value in given.items()]
    return {"type": "http", "path": path, "server": ("127.0.0.1", 80), "headers": pairs}


def is_in(login: Login, cookie: str) -> bool:
    asked = scope("/app/", cookie)
    login.admit(asked, None)
    return "caller" in asked


def test_a_printed_token_works_once():
    login = Login()
    token = login.issue()
    assert login.enter(token) is None, "it is no token to type"
    cookie = login.enter_once(token)
    assert cookie
    assert cookie != token
    assert is_in(login, cookie)
    assert login.enter_once(token) is None
    assert not is_in(login, token)


def test_cookies_of_other_programs_on_this_computer_do_not_get_in_the_way():
    login = Login()
    cookie = login.enter_once(login.issue())
    for others in (
        '_xsrf="2|a, b"; ',
        'state={"a": "b c", "d": [1]}; ',
        "; =; odd; \xe4=\xf6; ",
        "trus-81=x; trus-8=y; ",
    ):
        asked = scope("/app/")
        asked["headers"] = [(b"cookie", f"{others}trus-80={cookie}; z=1".encode("latin-1"))]
        login.admit(asked, None)
        assert "caller" in asked, others


def test_a_token_of_the_service_works_again_and_gives_each_browser_a_cookie_of_its_own():
    login = Login((DIGEST,))
    first, second = login.enter(TOKEN), login.enter(f" {TOKEN}\n")
    assert first != second
    assert is_in(login, first)
    assert is_in(login, second)
    assert login.enter(TOKEN + "x") is None
    assert login.enter(DIGEST) is None
    assert login.enter_once(TOKEN) is None


def test_a_browser_that_is_silent_for_long_is_out(clock):
    login = Login(clock=clock)
    busy, silent = login.enter_once(login.issue()), login.enter_once(login.issue())
    for hours in range(1, 30):
        clock.seconds = hours * 3600.0
        assert is_in(login, busy)
    assert clock.seconds > IDLE_S
    assert not is_in(login, silent)


def test_of_too_many_browsers_the_one_silent_longest_is_out():
    login = Login()
    cookies = [login.enter_once(login.issue()) for _ in range(MOST_SESSIONS)]
    assert is_in(login, cookies[0])
    login.enter_once(login.issue())
    assert is_in(login, cookies[0])
    assert not is_in(login, cookies[1])


def test_unused_tokens_are_forgotten_beyond_some():
    login = Login()
    tokens = [login.issue() for _ in range(9)]
    assert login.enter_once(tokens[0]) is None
    assert login.enter_once(tokens[1])


def test_cookies_and_tokens_are_kept_as_digests_only():
    login = Login()
    token = login.issue()
    kept = str(vars(login))
    assert token not in kept
    cookie = login.enter_once(login.issue())
    assert cookie not in str(vars(login))


@pytest.mark.parametrize("path", ["/app/api/session", "/app/api/studies", "/app/api/exports/csv", "/app/api/nothing"])
def test_the_api_is_closed_without_the_cookie(app_service, path):
    for answer in (httpx.get(app_service.address + path), httpx.post(app_service.address + path)):
        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:trus:problem:token"


def test_the_cookie_opens_the_pages_only(browser):
    assert browser.get("/v1/models").status_code == 401
    assert browser.get("/healthz").status_code == 200


def test_the_cookie_is_for_our_pages_only(open_application, run):
    async def scenario():
        async with open_application() as browser, browser.stranger() as other:
            return await other.get("/app/enter", params={"token": browser.app.login.issue()})

    answer = run(scenario())
    assert (answer.status_code, answer.headers["location"]) == (303, "/app/")
    name, *properties = answer.headers["set-cookie"].split("; ")
    assert name.startswith("trus-8321=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/app"} <= {*properties}
    assert "Secure" not in properties, "the page came over http"


def test_a_cookie_of_another_process_does_not_open_this_one(open_application, run):
    async def scenario():
        async with open_application() as first, open_application() as second:
            second.cookies = first.cookies
            return await second.get(f"{API}/session")

    assert run(scenario()).status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_port_cannot_ask_with_the_cookie(browser, site):
    answer = browser.get(f"{API}/session", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:trus:problem:origin"


@pytest.mark.parametrize(
    ("header", "status"),
    [({"Host": "evil.example"}, 421), ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403)],
)
def test_names_and_origins_are_looked_at_as_everywhere(browser, header, status):
    assert browser.post(f"{API}/leave", headers=header).status_code == status
    assert browser.post(f"{API}/leave").status_code == 204


@pytest.mark.parametrize(
    ("language", "words"), [("ru-RU,ru;q=0.9", "Вход не выполнен"), ("en", "You are not logged in"), ("", "You are")]
)
def test_who_is_not_in_is_told_how_to_come_in(app_service, language, words):
    for path in ("", "index.html", "report.html", "enter?token=spent", "enter"):
        answer = httpx.get(f"{app_service.address}/app/{path}", headers={"Accept-Language": language})
        assert answer.status_code == 401
        assert answer.headers["content-type"].startswith("text/html")
        assert words in answer.text
        assert "<form" not in answer.text
        assert "no-store" in answer.headers["cache-control"]


def test_a_link_from_elsewhere_leads_who_is_in_into_the_pages(app_service):
    """With SameSite=Strict the browser keeps the cookie back: our own page then asks once more."""
    answer = httpx.get(f"{app_service.address}/app/", headers={"Sec-Fetch-Site": "cross-site"})
    assert 'http-equiv="refresh"' in answer.text


def test_on_a_server_the_token_is_typed(open_application, run):
    async def scenario():
        async with open_application(local=False, tokens=(DIGEST,)) as known, known.stranger() as browser:
            shown = await browser.get("/app/")
            wrong = await browser.post("/app/enter", data={"token": "guess"})
            long = await browser.post("/app/enter", data={"token": "x" * 9000})
            still_out = await browser.get(f"{API}/session")
            headers = {"Origin": "https://127.0.0.1:8321"}
            right = await browser.post("/app/enter", data={"token": TOKEN}, headers=headers)
            return shown, wrong, long, still_out, right

    shown, wrong, long, still_out, right = run(scenario())
    assert '<form method="post" action="/app/enter">' in shown.text
    assert wrong.status_code == 401
    assert "This token is not known" in wrong.text
    assert (long.status_code, still_out.status_code, right.status_code) == (413, 401, 303)
    assert "Secure" in right.headers["set-cookie"], "the page came over TLS"


def test_where_the_web_api_asks_for_no_token_the_pages_do_not_either(open_application, run):
    async def scenario():
        async with open_application(local=False, tokens=()) as browser:
            return await browser.get(f"{API}/session")

    answer = run(scenario())
    assert answer.status_code == 200
    assert answer.json()["local"] is False


def test_a_cookie_in_use_is_renewed(open_application, run):
    async def scenario():
        async with open_application() as browser:
            login = browser.app.login
            first = await browser.get(f"{API}/session")
            began = login._clock()
            login._clock = lambda: began + 3600
            later, again = await browser.get(f"{API}/session"), await browser.get(f"{API}/session")
            return first, later, again

    first, later, again = run(scenario())
    assert ["set-cookie" in answer.headers for answer in (first, later, again)] == [False, True, False]


def test_who_logs_out_is_out_and_leaves_nothing(open_application, run, dataset):
    async def scenario():
        async with open_application() as browser, browser.stranger() as other:
            await other.come_in()
            for each in (browser, other):
                await each.open((dataset / "images" / "p2_0.png").read_bytes())
            left = await browser.delete(f"{API}/session")
            kept = [study.caller for study in browser.app.studies._studies.values()]
            return left, await browser.get(f"{API}/session"), await other.get(f"{API}/session"), kept

    left, mine, others, kept = run(scenario())
    assert (left.status_code, mine.status_code, others.status_code) == (204, 401, 200)
    assert len(kept) == 1
