"""Replaces credentials in logs by a mark, so that evidence can be shown and sent."""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Final

REDACTED: Final = "[redacted]"

_TOKENS: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[A-Z0-9]{16}"  # AWS key ids
    r"|gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_[A-Za-z0-9_]{20,255}"
    r"|glpat-[A-Za-z0-9_-]{18,}|gl(?:dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{18,}"
    r"|xox[abceoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,}"
    r"|sk-(?:ant-|proj-|svcacct-|admin-|or-)?[A-Za-z0-9_-]{20,}"
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_.-]{20,}"
    r"|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|dop_v1_[a-f0-9]{40,}"
    r"|hvs\.[A-Za-z0-9_-]{20,}|dapi[a-f0-9]{32}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"
    r"|torc_(?=[A-Za-z_-]{0,42}\d)[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"  # our own
    r"|dckr_(?:pat|oat)_[A-Za-z0-9_-]{16,}|gl(?:sa|c)_[A-Za-z0-9_+/=]{16,}|[A-Za-z0-9]{10,20}\.atlasv1\.[A-Za-z0-9_-]{20,}"
    r"|AGE-SECRET-KEY-1[A-Z0-9]{30,}|MUNGE:[A-Za-z0-9+/=]{20,}:|GOCSPX-[A-Za-z0-9_-]{20,}|1//0[A-Za-z0-9_-]{30,}"
    r"|[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_.~-]{31,}"
    r"|sq0(?:atp|csp)-[A-Za-z0-9_-]{20,}|shp(?:at|ca|pa|ss)_[a-f0-9]{32}|SK[a-f0-9]{32}|key-[a-f0-9]{32}|NRAK-[A-Z0-9]{20,}"
    r"|lin_(?:api|oauth)_[A-Za-z0-9]{20,}|(?:ntn|secret)_[A-Za-z0-9]{30,}|fig[dor]_[A-Za-z0-9_-]{20,}|PMAK-[a-f0-9]{20,}-[a-f0-9]{30,}"
    r"|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{20,}|hv[br]\.[A-Za-z0-9_-]{20,}|s\.(?=[A-Za-z0-9]{0,23}\d)[A-Za-z0-9]{24}(?![A-Za-z0-9])"
    r"|r8_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{40,}|lsv2_(?:pt|sk)_[A-Za-z0-9_]{20,}"
    r"|pcsk_[A-Za-z0-9_]{20,}|sbp_[a-f0-9]{40}|pscale_(?:tkn|oauth|pw)_[A-Za-z0-9_.=-]{20,}|f[mo]\d_[A-Za-z0-9+/=_-]{20,}"
    r"|rubygems_[a-f0-9]{32,}|cio(?=[A-Za-z0-9]{0,31}\d)[A-Za-z0-9]{32}(?![A-Za-z0-9])|oy2[a-z0-9]{43}(?![a-z0-9])"
    r"|AKCp[A-Za-z0-9]{40,}|ATBB[A-Za-z0-9]{28,}|ATATT3[A-Za-z0-9_=-]{40,}|ATCTT3[A-Za-z0-9_=-]{40,}"
    r"|[MNO][A-Za-z0-9_-]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?![A-Za-z0-9_-])"  # Discord
    r"|\d{6,12}:AA[A-Za-z0-9_-]{32,36}(?![A-Za-z0-9_-])|bot\d{6,12}:[A-Za-z0-9_-]{30,}"  # Telegram
    r"|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"  # JWT
    r")"
)
_PRIVATE_KEY: Final = re.compile(
    r"(-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)(?:(?!-----BEGIN )[\s\S]){1,8000}?"
    r"(-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\Z)"
)
_KEY_BEGIN: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----\s*\Z")
_KEY_END: Final = re.compile(r"\s*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE: Final = re.compile(r"(?:[A-Za-z0-9+/=]{1,100}|[A-Z][A-Za-z-]{2,20}: .{1,100})?")
_MOST_KEY_LINES: Final = 400
_URL_PASSWORD: Final = re.compile(
    r"(\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@'\"]{0,100}:)(?!\d{1,5}/)"
    # a password may hold @, and one that is not of the web also /: what stands before the last @ is no host
    r"(?:(?<!https:)(?<!http:)[^\s/'\"?#]{1,200}(?:/[^\s'\"?#]{0,200})?|[^\s'\"@]{1,200})(?=@[\w\[])"
)
_URL_TOKEN: Final = re.compile(
    r"(\bhttps?://)(?![a-z]{2,20}\d{0,4}@)(?=[^@\s]{0,200}\d)[A-Za-z0-9_.~-]{8,200}(?=@[\w\[])"
)
_WEBHOOK: Final = re.compile(
    r"(\bhooks\.slack\.com/[a-z]{1,20}/|\bdiscord(?:app)?\.com/api/webhooks/|\bwebhook\.office\.com/webhookb2/)"
    r"[A-Za-z0-9_/@+-]{8,300}"
)
_COMMAND: Final = re.compile(
    r"(\bcurl\b[^\n|;]{0,300}?\s-[a-zA-Z]{0,8}u\s?['\"]?[^\s:'\"]{1,100}:"
    r"|\s--(?:proxy-)?user[ =]['\"]?(?!\d{1,7}:\d)[^\s:'\"]{1,100}:"
    r"|\bsshpass\s{1,3}-p\s?['\"]?"
    r"|\b(?:mysql\w{0,10}|mariadb\S{0,10})\b[^\n|;]{0,200}?\s-p(?!\s)['\"]?)"
    r"(?!\[redacted\])[^\s'\"]{1,200}"
)
_ENVIRONMENT: Final = re.compile(
    r"(\b(?!(?:FIRST|SECOND|LAST|BY|LOW|HIGH|BAND)_PASS\b)[A-Z][A-Z0-9_]{0,60}_(?:PASS|PW)['\"]?\s{0,2}[=:]\s{0,2}['\"]?"
    r"|(?<![\w-])(?:pass|[a-z]{2,12}_pass)(?==(?!\d+\b|(?:true|false|none|null|yes|no|on|off|ok|all)\b))=['\"]?"
    r"|\b[A-Z][A-Z0-9_]{0,60}_KEY['\"]?\s{0,2}[=:]\s{0,2}['\"]?(?=[A-Za-z0-9+/=_-]{0,100}\d)(?=[^\s'\"]{12})(?![/~.])"
    r"|\\?[\"']key\\?[\"']\s{0,3}:\s{0,3}\\?[\"'](?=[A-Za-z0-9+/=_-]{20})(?=[A-Za-z+/=_-]{0,100}\d))"
    r"(?!\[redacted\]|\d{1,6}(?![^\s,;]))[^\s,;&'\"\\(){}<>]{2,400}"
)
_AUTHORIZATION: Final = re.compile(
    r"(\b(?:proxy-)?authorization['\"]?\s{0,3}[:=]\s{0,3}['\"]?(?:(?:bearer|basic|token|digest|negotiate|apikey)\s+)?)"
    r"(?!\[redacted\]|(?:bearer|basic|token|digest|negotiate|apikey)\s)[A-Za-z0-9+/_.~=:-]{6,}",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"(\bbearer\s+)(?=[A-Za-z0-9+/_.~-]*\d)[A-Za-z0-9+/_.~-]{16,}=*", re.IGNORECASE)
_COOKIE: Final = re.compile(
    r"(\b(?:set-)?cookie['\"]?\s{0,3}:\s{0,3})(?!\s{0,3}\[redacted\])[^\r\n'\"]{8,}", re.IGNORECASE
)
_ASSIGNED: Final = re.compile(
    r"((?:passw(?:or)?d|passwd|passphrase|secret(?:[_-]?(?:access)?[_-]?key(?:_base)?)?|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|private[_-]?key|client[_-]?secret|account[_-]?key|sharedaccesskey|credentials?|x-amz-signature"
    r"|(?:auth|access|refresh|session|security|id|api|bearer|csrf)[_-]?token|(?<![a-z])pwd|(?<![a-z])sig"
    r"|(?<![a-z])(?<!unexpected )(?<!invalid )(?<!unknown )(?<!at )(?<!near )token)"
    r"['\"]?\s{0,2}(?::=|=>|=|:)\s{0,2})"
    r"(?!\[redacted\])"
    r"(?:\"[^\"\n]{3,400}\"|'[^'\n]{3,400}'"
    r"|(?![/~.])(?=[^\s,;&'\"]{0,400}[0-9A-Z!@#$%^*+])[^\s,;&'\"()\[\]{}<>]{6,400})",
    re.IGNORECASE,
)
_FLAG: Final = re.compile(
    r"(--?(?:password|passwd|pass|token|api-key|apikey|secret|auth-token|access-token|secret-key)[ =])(?!\[redacted\])"
    r"['\"]?[^\s'\"-][^\s'\"]{2,}['\"]?",
    re.IGNORECASE,
)
_PLACED: Final = re.compile(
    r"(\bmachine\s+\S{1,200}\s+(?:login\s+\S{1,200}\s+)?password\s+"  # .netrc
    r"|[\"'](?:auth|identitytoken|registrytoken)\\?[\"']\s{0,3}:\s{0,3}\\?[\"']|\b_auth\s{0,2}=\s{0,2}[\"']?"
    r"|\bclient-(?:key|certificate)-data[\"']?\s{0,3}:\s{0,3}[\"']?"
    r"|\bx-(?:goog|amz)-(?:signature|credential|security-token)=|\bprivate_key_id\\?[\"']\s{0,3}:\s{0,3}\\?[\"']"
    r"|\bwandb\s+login\s+(?:--\S{1,40}\s+){0,3}|\bWLS(?:SECRET|ACCESSID)\s{0,2}=\s{0,2}|\bmit-magic-cookie-1\s{1,4}"
    r"|\bdocker\s+login\b[^\n|;]{0,200}?\s-p\s{0,2}|\bldap\w{2,10}\b[^\n|;]{0,200}?\s-w\s{1,2}"
    r"|\bopenssl\b[^\n|;]{0,200}?\s-k\s{1,2}|-pass(?:in|out)?\s{1,2}pass:|[\"']d\\?[\"']\s{0,2}:\s{0,2}\\?[\"'](?=[A-Za-z0-9_-]{40})"
    r"|^Private-Lines:\s\d{1,3}\n)"
    r"(?!\[redacted\])[^\s\"'&\\,;]{6,8000}",
    re.IGNORECASE | re.MULTILINE,
)
_CONDA: Final = re.compile(r"(/t/)[a-z]{2}-[A-Za-z0-9-]{20,200}")
_HINTS: Final = (
    "machine", "/t/", "client-", "x-goog", "x-amz", "wandb", "wls", "login", "ldap", "openssl", "private", '"d', "'d",
    "pass", "pwd", "pw", "secret", "token", "key", "auth", "bearer", "cookie", "cred", "sig", "://", "--user", "curl",
    "mysql", "mariadb", "hooks", "webhook",
)  # fmt: skip
_REACH: Final = 4
"""Lines below a hint that may hold its value."""


def redact_secrets(text: str) -> str:
    """Return the text with credentials replaced by a mark; what surrounds them stays. Idempotent."""
    text = _TOKENS.sub(REDACTED, text)
    lower = text.lower()
    if not any(hint in lower for hint in _HINTS):
        return text
    text = redact_keys(text)
    return "\n".join(_redact_named(block) if has_hint else block for has_hint, block in _blocks(text))


def redact_keys(text: str) -> str:
    """Return the text with private keys replaced by a mark, also those of which only a part stands in it."""
    if "PRIVATE KEY" not in text:
        return text
    return _redact_rests_of_keys(_PRIVATE_KEY.sub(rf"\1 {REDACTED} \2", text))


def _redact_rests_of_keys(text: str) -> str:
    """Redact what stands below a beginning, or above an end: the text may have been cut inside a key.

    Line by line, as one expression over all lines would take for ever on texts that are made for it.
    """
    lines = text.split("\n")
    for place, line in enumerate(lines):
        if _KEY_END.match(line):
            _redact_key_lines(lines, range(place - 1, max(place - 1 - _MOST_KEY_LINES, -1), -1))
        elif _KEY_BEGIN.search(line):
            _redact_key_lines(lines, range(place + 1, min(place + 1 + _MOST_KEY_LINES, len(lines))))
    return "\n".join(lines)


def _redact_key_lines(lines: list[str], places: range) -> None:
    for place in places:
        line = lines[place].strip()
        if not _KEY_LINE.fullmatch(line):
            return
        lines[place] = REDACTED if line else ""


def _blocks(text: str) -> Iterator[tuple[bool, str]]:
    """Yield runs of lines near a hint and runs far from any, so that the slow expressions search few lines of a log."""
    lines = text.split("\n")
    near, left = [False] * len(lines), 0
    for place, line in enumerate(text.lower().split("\n")):
        left = _REACH if any(hint in line for hint in _HINTS) else left - 1
        near[place] = left >= 0
    for is_near, places in groupby(range(len(lines)), key=near.__getitem__):
        yield is_near, "\n".join(lines[place] for place in places)


def _redact_named(text: str) -> str:
    text = _URL_PASSWORD.sub(rf"\1{REDACTED}", text)
    text = _URL_TOKEN.sub(rf"\1{REDACTED}", text)
    text = _CONDA.sub(rf"\1{REDACTED}", text)
    text = _PLACED.sub(rf"\1{REDACTED}", text)
    text = _WEBHOOK.sub(rf"\1{REDACTED}", text)
    text = _COMMAND.sub(rf"\1{REDACTED}", text)
    text = _ENVIRONMENT.sub(rf"\1{REDACTED}", text)
    text = _AUTHORIZATION.sub(rf"\1{REDACTED}", text)
    text = _BEARER.sub(rf"\1{REDACTED}", text)
    text = _COOKIE.sub(rf"\1{REDACTED}", text)
    text = _FLAG.sub(rf"\1{REDACTED}", text)
    return _ASSIGNED.sub(rf"\1{REDACTED}", text)
