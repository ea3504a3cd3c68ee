"""The small page of who is not in: how to come in, with a form for a token where the service knows tokens."""

from importlib.resources import files
from string import Template

from fastapi import Request, Response

from trus.app.login import Login

_TEXTS = {
    "en": {
        "title": "trus",
        "heading": "You are not logged in",
        "local": "trus app prints an address in its window that works once. Open the newest one; press Enter in that "
        "window for another.",
        "remote": "Type the token that you were given by whoever runs this service.",
        "used": "This address was used already, or is not complete.",
        "wrong": "This token is not known.",
        "label": "Access token",
        "button": "Log in",
        "statement": "Research use only. Not a medical device.",
    },
    "ru": {
        "title": "trus",
        "heading": "Вход не выполнен",
        "local": "Команда trus app печатает в своём окне одноразовый адрес. Откройте самый новый; чтобы получить ещё "
        "один, нажмите в этом окне Enter.",
        "remote": "Введите токен, который вам выдал администратор этой службы.",
        "used": "Этот адрес уже использован или неполон.",
        "wrong": "Такого токена нет.",
        "label": "Токен доступа",
        "button": "Войти",
        "statement": "Только для исследований. Не является медицинским изделием.",
    },
}
_PAGE = Template((files("trus.app") / "entrance.html").read_text("utf-8"))
_FORM = Template(
    """<form method="post" action="/app/enter">
      <label for="token">$label</label>
      <input id="token" name="token" type="password" autocomplete="off" required autofocus>
      <button>$button</button>
    </form>"""
)
_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0;url=/app/"><title>trus</title>'


def entrance_page(request: Request, login: Login, problem: str = "") -> Response:
    """HTML with status 401, in the browser's language. `problem`: used, wrong, or empty."""
    if not problem and request.headers.get("sec-fetch-site", "") in ("cross-site", "same-site"):
        # a link from elsewhere: the browser keeps the cookie back, but not from what our own page asks for
        return Response(_AGAIN, media_type="text/html; charset=utf-8", headers={"cache-control": "no-store"})
    language = "ru" if request.headers.get("accept-language", "").strip().lower().startswith("ru") else "en"
    texts = _TEXTS[language]
    page = _PAGE.substitute(
        texts,
        language=language,
        way=texts["remote" if login.has_form else "local"],
        problem=f'<p class="problem" role="alert">{texts[problem]}</p>' if problem else "",
        form=_FORM.substitute(texts) if login.has_form else "",
    )
    return Response(page, 401, {"cache-control": "no-store"}, "text/html; charset=utf-8")
