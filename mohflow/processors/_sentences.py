"""Passwords in what persons write: sentences, statements and commands."""

from __future__ import annotations

from mohflow._expression import expression
from mohflow.processors._checks import (
    is_card,
    is_login_code,
    is_no_port,
    is_no_term,
    is_spoken_key,
)
from mohflow.processors._rule import Rule


_SPOKEN = (
    r"(?i:passw(?:or)?d|passphrase|passcode)[ ]"
    r"(?i:(?:is|was|of|(?:re)?set[ ]to|changed[ ]to|to|for[ ][^\s]{1,64}[ ]is)"
    r"[ ])?"
)
"""How a sentence names a password: the word, and what leads over to it."""
_SPOKEN_HINTS = ("password ", "passwd ", "passphrase ", "passcode ")

# The examples are put together from pieces, so that no scanner of
# repositories takes them for secrets.
SENTENCES: tuple[Rule, ...] = (
    Rule(
        "password",
        expression(
            rf"""{_SPOKEN}["'`](?P<secret>[^"'`\r\n]{{1,128}}+)["'`]"""
        ),
        _SPOKEN_HINTS,
        "changed the password to 'hun" + "ter'",
        "password reset 'requested'",
        None,
        "phrase",
    ),
    Rule(
        "password",
        expression(
            rf"{_SPOKEN}(?P<secret>(?=[^\s0-9]{{0,64}}[0-9])"
            r"""(?=[^\sa-zA-Z]{0,64}[a-zA-Z])[^\s"'`,;]{6,128})"""
        ),
        _SPOKEN_HINTS,
        "login with password hunter" + "22 failed",
        "password reset, password policy v2, password hash argon2id",
        is_no_term,
        "phrase",
    ),
    Rule(
        "password",
        expression(
            r"""(?i:identified[ ]by(?:[ ]password)?)[ ]"""
            r"""['"](?P<secret>[^'"\r\n]{1,256})['"]"""
        ),
        ("identified by ",),
        "ALTER USER app IDENTIFIED BY 'hunter" + "2'",
        "identified by their names",
        None,
        "phrase",
        needs="'\"",
    ),
    Rule(
        "password",
        expression(
            r"[^\s]{1,64}\s+login\s+[^\s]{1,64}\s+password\s+"
            r"(?P<secret>[^\s]{1,256})"
        ),
        ("password ",),
        "machine db login app password hun" + "ter2",
        "machine login without password failed",
        None,
        "phrase",
        lead=expression(r"[^\s]{1,64}\s+login\s+[^\s]{1,64}\s+\Z"),
    ),
    Rule(
        "password",
        expression(
            r"curl[^\n|;]{0,200}?[ ](?:-u|--user)[ =]?"
            r"""["']?[^\s:"']{1,64}:(?P<secret>[^\s"']{1,256})"""
        ),
        ("curl ",),
        "curl -s -u ann:hunter" + "2 https://example.com",
        "curl -s https://example.com:80",
        None,
        "phrase",
        needs="-",
    ),
    Rule(
        "password",
        expression(
            r"(?:login -|sshpass|mysql\w{0,8})[^\n|;,&]{0,200}?"
            r"(?<![\w-])-p[ ]?"
            r"""["']?(?P<secret>[^\s"'-][^\s"']{0,256})"""
        ),
        ("login -", "sshpass ", "mysql"),
        "docker login -u ann -p hunter" + "2 registry.example.com",
        "docker login -u ann, mysql -h db -P 3306, mkdir -p /srv",
        is_no_port,
        "phrase",
        needs="-",
    ),
    Rule(
        "password",
        expression(
            r"(?:redis-cli[^\n|;]{0,200}?[ ]-a|mongo(?:sh|dump|restore)?[ ]"
            r"[^\n|;]{0,200}?[ ]-p|ldap[a-z]{3,9}[ ][^\n|;]{0,200}?[ ]-w)"
            r"""[ ]?["']?(?P<secret>[^\s"'-][^\s"']{0,256})"""
        ),
        ("redis-cli ", "mongo", "ldap"),
        "redis-cli -h cache -a hunter" + "2 ping",
        "redis-cli -h cache --no-auth-warning, mongod.service, ldap -x",
        None,
        "phrase",
        needs="-",
    ),
    Rule(
        "password",
        expression(
            r"(?i:(?:key|secret|token)[ ](?:is|was)|(?:api|access)[ ]key)[ ]"
            r"(?P<secret>(?=[^\s0-9]{0,64}[0-9])(?=[^\sa-zA-Z]{0,64}[a-zA-Z])"
            r"""[A-Za-z0-9_./+=~-]{8,512}+)(?![^\s.,;!?'")])"""
        ),
        (
            *("key is ", "key was ", "secret is ", "token is ", "token was "),
            *("api key ", "access key "),
        ),
        "your api key is zzz999" + "yyy111.",
        "the key is user-42-profile, the token is invalid since 10:00",
        is_spoken_key,
        "phrase",
    ),
    Rule(
        "card",
        expression(
            r"(?i:cv[vc]2?)[ ](?i:code |number |is |was )?"
            r"(?P<secret>[0-9]{3,4})(?![0-9.,:-]?[0-9A-Za-z])"
        ),
        ("cvv ", "cvc ", "cvv2 ", "cvc2 "),
        "charged with cvv 12" + "3",
        "cvv 12 of 40, cvc 1.25 and cvv checked",
        None,
        "phrase",
    ),
    Rule(
        "password",
        expression(r"(?i:code is )(?P<secret>[0-9]{4,8})(?![0-9])"),
        ("code is ",),
        "your login code is 4829" + "13",
        "the error code is 4829",
        is_login_code,
        "phrase",
    ),
    Rule(
        "password",
        expression(
            r"(?:-pass(?:in|out)[ ]pass:|-(?:store|key)pass[ ]"
            r"|sqlcmd[ ][^\n|;]{0,200}?[ ]-P[ ]"
            r"|smbclient[ ][^\n|;]{0,200}?[ ]-U[ ][^\s%]{1,64}%"
            r"|sqlplus[ ](?:-[a-zA-Z]{1,9}[ ]){0,4}[^\s/]{1,64}/)"
            r"""["']?(?P<secret>[^\s"'@-][^\s"'@]{0,256})"""
        ),
        (
            *("-passin ", "-passout ", "-storepass ", "-keypass "),
            *("sqlcmd ", "smbclient ", "sqlplus "),
        ),
        "sqlplus scott/tiger" + "22@orcl",
        "sqlplus -V, sqlcmd -Q 'select 1' and smbclient -L nas",
        None,
        "phrase",
    ),
    Rule(
        "aws",
        expression(
            r"(?i:secret_?access_?key)[ ](?P<secret>[A-Za-z0-9/+]{40})"
            r"(?![A-Za-z0-9/+])"
        ),
        ("secret_access_key ", "secretaccesskey "),
        "set aws_secret_access_key wJalrXUtnFEMI/K7MDENG/" + "A1b2" * 4 + "zz",
        "secret_access_key is not set",
        None,
        "phrase",
    ),
    Rule(
        "card",
        # The first track of a magnetic stripe.
        expression(r"%[Bb](?P<secret>[0-9]{12,19})\^"),
        ("%B", "%b"),
        "track %B4111111111" + "111111^DOE/JOHN^2812",
        "%B4111111111111112^",
        is_card,
    ),
)
"""What a sentence or a command tells."""
