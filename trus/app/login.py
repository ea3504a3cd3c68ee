"""How a browser gets in: a token is exchanged for a cookie, which is then looked for at every address of the pages."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.requests import cookie_parser
from starlette.types import Message, Scope, Send

from trus.serving.problems import Problem

IDLE_S = 12 * 3600.0
"""A browser that asks for nothing so long has to come in anew."""
MOST_SESSIONS = 100
_RENEW_S = 600.0
_MOST_TOKENS = 8
API = "/app/api/"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
    "font-src 'self'; worker-src 'self'; media-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "referrer-policy": "same-origin",  # with no-referrer a form or beacon has Origin: null, as of a foreign page
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}
"""On every answer under /app."""


class Login:
    """Which browsers have come in. Tokens and cookies are kept as SHA-256 digests only.

    `tokens`: digests of those that may be typed into the form, again and again. Tokens of `issue` work once. With
    `required` False everybody is in, as everybody may use the web API of that service.
    """

    def __init__(
        self, tokens: tuple[str, ...] = (), required: bool = True, clock: Callable[[], float] = time.monotonic
    ):
        self.required, self.has_form = required, bool(tokens)
        self._tokens, self._once = tokens, OrderedDict[str, None]()
        self._sessions = OrderedDict[str, float]()
        self._renewed: dict[str, float] = {}
        self._clock = clock

    def issue(self) -> str:
        """A new token that works once; of those not yet used the oldest is forgotten beyond eight."""
        token = secrets.token_urlsafe(32)
        self._once[_digest(token)] = None
        while len(self._once) > _MOST_TOKENS:
            self._once.popitem(last=False)
        return token

    def enter_once(self, token: str) -> str | None:
        """The value of a new cookie for a token of `issue`, which is spent by that; None where it is not known."""
        once = _find(_digest(token), [*self._once])
        if once is None:
            return None
        del self._once[once]
        return self._begin()

    def enter(self, token: str) -> str | None:
        """The value of a new cookie for one of the service's tokens; None where it is not known."""
        return None if _find(_digest(token), self._tokens) is None else self._begin()

    def _begin(self) -> str:
        value = secrets.token_urlsafe(32)
        self._sessions[_digest(value)] = self._clock()
        while len(self._sessions) > MOST_SESSIONS:
            self._end(next(iter(self._sessions)))
        return value

    def leave(self, session: str) -> None:
        """The cookie of that `caller` is not known any more."""
        if session in self._sessions:
            self._end(session)

    def guards(self, path: str) -> bool:
        """Whether this address is one of the pages, where the cookie stands for the token."""
        return path in ("/", "/app") or path.startswith("/app/")

    def admit(self, scope: Scope, send: Send) -> Send:
        """Note in the scope who asks (`caller`, only where they are in) and return what adds our headers to the answer.

        Raises Problem 401 under /app/api without a cookie that is known, 403 for a page of another site or port there.
        """
        value = self._cookie(scope)
        session = self._known(value) if value else None
        if session is not None or not self.required:
            scope["caller"] = session or ""
        if scope["path"].startswith(API):
            _check_site(scope)
            if "caller" not in scope:
                raise Problem(401, "Not logged in", "come in anew: open the address that trus prints", "token")
        renewed = self.cookie(scope, value) if value and session and self._is_due(session) else None
        return _with_headers(send, renewed)

    def cookie(self, scope: Scope, value: str) -> str:
        """The header Set-Cookie; only over TLS where the page itself came so."""
        secure = "; Secure" if any(origin.startswith("https:") for origin in _values(scope, b"origin")) else ""
        return f"{_name(scope)}={value}; Path=/app; HttpOnly; SameSite=Strict; Max-Age={IDLE_S:.0f}{secure}"

    def _cookie(self, scope: Scope) -> str | None:
        """Read as browsers and Starlette do: `http.cookies` gives up at the first odd one of another program."""
        found = (cookie_parser(line).get(_name(scope)) for line in _values(scope, b"cookie"))
        return next((value for value in found if value), None)

    def _known(self, value: str) -> str | None:
        self._drop_idle()
        session = _find(_digest(value), [*self._sessions])
        if session is not None:
            self._sessions[session] = self._clock()
            self._sessions.move_to_end(session)
        return session

    def _drop_idle(self) -> None:
        while self._sessions and next(iter(self._sessions.values())) < self._clock() - IDLE_S:
            self._end(next(iter(self._sessions)))

    def _end(self, session: str) -> None:
        del self._sessions[session]
        self._renewed.pop(session, None)

    def _is_due(self, session: str) -> bool:
        """Whether the browser should hear again how long to keep its cookie."""
        now = self._clock()
        if now - self._renewed.setdefault(session, now) < _RENEW_S:
            return False
        self._renewed[session] = now
        return True


def _with_headers(send: Send, cookie: str | None) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = HEADERS | ({"set-cookie": cookie} if cookie else {})
            ours = [(name.encode(), value.encode()) for name, value in headers.items()]
            message = {**message, "headers": [*message.get("headers", ()), *ours]}
        await send(message)

    return sending


def _check_site(scope: Scope) -> None:
    """Other ports of this computer are the same site to SameSite, but not the same origin."""
    if any(site not in ("same-origin", "none") for site in _values(scope, b"sec-fetch-site")):
        raise Problem(403, "Foreign origin", "pages of other sites or ports may not ask", "origin")


def _name(scope: Scope) -> str:
    """A cookie is sent to all ports of a host: each process has its own name for it."""
    return f"trus-{(scope.get('server') or ('', 0))[1]}"


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.strip().encode("utf-8", "replace")).hexdigest()


def _find(digest: str, known: list[str] | tuple[str, ...]) -> str | None:
    """In constant time for those that are there."""
    matches = [each for each in known if hmac.compare_digest(each, digest)]
    return matches[0] if matches else None


def _values(scope: Scope, wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in scope["headers"] if name == wanted]
