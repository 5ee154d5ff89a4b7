"""Whether a new password could be guessed.

In: a password and a user's name. Out: why it is refused, or nothing. It asks no server, and
keeps no list of all passwords that were ever stolen: a long password that is not made of the
words and rows of keys that those lists begin with is in none of them.
"""

from __future__ import annotations

import re

#: NIST SP 800-63B asks for 8 with a second factor; there is none here.
LEAST_CHARACTERS = 10

#: What a password must have beside the words below: so many characters, of which so many differ.
_LEAST_OWN, _LEAST_DIFFERENT = 5, 4

#: What the lists of stolen passwords are full of, most common first.
_COMMON_WORDS = re.compile(
    "password|passwort|passwd|katasandi|rahasia|sandi|welcome|selamatdatang|selamat|iloveyou|"
    "sayang|cinta|letmein|princess|football|baseball|superman|batman|sunshine|monkey|dragon|"
    "master|shadow|michael|jordan|starwars|whatever|trustno|hunter|charlie|computer|internet|"
    "secret|freedom|login|administrator|admin|root|user|guest|test|demo|default|changeme|"
    "change|atlas|piccolo|database|postgres|sqlite|indonesia|jakarta|bismillah|doraemon|"
    "qazwsx|hello|flower|ashley|bailey|mustang|access|killer|pass"
)

#: Runs of four or more in one of these, in either direction, count for nothing.
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "asdfghjkl",
    "zxcvbnm",
    "yxcvbnm",
    "1qaz2wsx3edc4rfv5tgb",
)
_RUN = 4

#: What people write for a letter.
_LETTERS = str.maketrans("@013457$!", "aoieastsi")


def weakness(password: str, username: str) -> str | None:
    """Return a sentence about what is wrong with a new password; None when nothing is."""
    if len(password) < LEAST_CHARACTERS:
        return f"The password must have at least {LEAST_CHARACTERS} characters."
    folded = password.casefold()
    own = folded.replace(username.casefold(), "") if username else folded
    left = min((_without(text) for text in (own, own.translate(_LETTERS))), key=len)
    if len(left) < _LEAST_OWN or len(set(left)) < _LEAST_DIFFERENT or left.isdigit():
        return (
            "The password is too easy to guess: it is made of a common word, a user's name, a row "
            "of keys, a number, or a few characters that repeat."
        )
    return None


def _without(text: str) -> str:
    """Return a text without what anybody would try first."""
    text = _COMMON_WORDS.sub("", text)
    for row in (*_ROWS, *(row[::-1] for row in _ROWS)):
        for size in range(len(row), _RUN - 1, -1):
            for start in range(len(row) - size + 1):
                text = text.replace(row[start : start + size], "")
    return re.sub(r"(.+?)\1+", r"\1", text)
