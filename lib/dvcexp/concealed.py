"""Secrets that this process has read, and what looks like one: they stand in nothing that it writes.

Whoever reads a secret tells `conceal`; then it is taken out also where nobody expected it, in what a server says or in
the words of a library's exception.
"""

from __future__ import annotations

import re

_SHORTEST = 4  # a shorter one is guessed anyway, and would tear holes into every message
_HIDDEN = "***"
_known: set[str] = set()

_WORDS = "password|passphrase|secret|token|credential|signature|account_?key|access_?key|sig"
_LIKELY = (
    # userinfo of a URL: scheme://user:password@host
    (r"(?<=://)[^/\s@'\"]+@", "***@"),
    # name=value, name: value and 'name': 'value', of a header, a query, a config line or a repr
    (rf"(?i)([\w-]*(?:{_WORDS})[\w-]*['\"]?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s&;,'\"]+)", r"\1***"),
    (r"(?i)(authorization['\"]?\s*[=:]\s*)['\"]?[^\r\n'\"]+", r"\1***"),
    (r"(?i)\b(basic|bearer)\s+[\w+/=.~-]{8,}", r"\1 ***"),
)


def conceal(*secrets: str | None) -> None:
    """These are secrets, as they are and as a URL or a JSON text spells them."""
    from urllib.parse import quote

    for secret in secrets:
        if secret is not None and len(secret) >= _SHORTEST:
            escaped = secret.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            _known.update((secret, quote(secret, safe=""), escaped))


def hide(text: str) -> str:
    """`text` without the secrets that are known."""
    for secret in sorted(_known, key=len, reverse=True):
        text = text.replace(secret, _HIDDEN)
    return text


def scrub(text: str) -> str:
    """`text` without them, and without what looks like one."""
    for pattern, replacement in _LIKELY:
        text = re.sub(pattern, replacement, text)
    return hide(text)
