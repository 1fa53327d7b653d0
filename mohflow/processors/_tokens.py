"""Tokens of cloud and software services that are known by their prefix."""

from __future__ import annotations

import re

from collections.abc import Callable

from mohflow._expression import expression
from mohflow.processors._checks import has_digit, is_jwt
from mohflow.processors._rule import RIGHT, Rule


def _token(
    name: str,
    pattern: str,
    hints: str,
    yes: str,
    no: str,
    check: Callable[[re.Match[str]], bool] | None = None,
) -> Rule:
    found = expression(pattern)
    return Rule(name, found, tuple(hints.split()), yes, no, check, "word")


_MIXED = "A1b2C3d4"
_HEX = "a1b2c3d4"

# The examples are put together from pieces, so that no scanner of
# repositories takes them for secrets. The prefixes are those that the
# services document, and the public rules of gitleaks and detect-secrets.
TOKENS: tuple[Rule, ...] = (
    _token(
        "jwt",
        r"eyJ[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]*+){0,4}",
        "eyJ",
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJ" + "zdWIiOiIxIn0.c2lnbmF0dXJl",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        is_jwt,
    ),
    _token(
        "aws",
        rf"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{{16}}{RIGHT}"
        # The secret key that often stands beside it.
        r"(?:[^A-Za-z0-9\n][^\n]{0,40}?(?<![A-Za-z0-9/+=])"
        r"(?=[a-z0-9/+]*[A-Z])(?=[A-Z0-9/+]*[a-z])(?=[A-Za-z/+]*[0-9])"
        r"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=]))?"
        r"|(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=%_-]{60,}+"
        r"|ABSK[A-Za-z0-9+/]{60,}+={0,2}",
        "AKIA ASIA ABIA ACCA A3T ABSK FwoGZXIvYXdz IQoJb3JpZ2lu",
        "AKIA" + "IOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "AKIA and ASIA",
    ),
    _token(
        "github",
        r"(?:gh[pousr]_[A-Za-z0-9]{30,}+|github_pat_[A-Za-z0-9_]{22,}+)",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        "ghp_" + "A1b2" * 9,
        "ghp_short",
    ),
    _token(
        "gitlab",
        r"(?:gl(?:pat|ptt|dt|rtr?|cbt|ft|soat|agent|imt|oas|ffct)-"
        r"[A-Za-z0-9_.=-]{18,}+|GR1348941[A-Za-z0-9_-]{20,}+)",
        "glpat- glptt- gldt- glrt- glrtr- glcbt- glft- glsoat- glagent- "
        "glimt- gloas- glffct- GR1348941",
        "glpat-" + "A1b2" * 5,
        "glpat-short",
    ),
    _token(
        "slack",
        r"(?:xox[abcdeoprs][.-]|xapp-)[A-Za-z0-9.-]{10,}+",
        "xoxa xoxb xoxc xoxd xoxe xoxo xoxp xoxr xoxs xapp-",
        "xoxb-" + "1234567890-" + "A1b2" * 6,
        "xoxb-1",
    ),
    _token(
        "stripe",
        r"(?:[sr]k_(?:live|test|prod)_|whsec_)[A-Za-z0-9+/=]{10,}+",
        "sk_live_ rk_live_ sk_test_ rk_test_ sk_prod_ rk_prod_ whsec_",
        "sk_" + "live_" + "A1b2" * 6,
        "pk_live_" + "A1b2" * 6,
    ),
    _token(
        "google",
        r"(?:AIza[A-Za-z0-9_-]{30,}+|GOCSPX-[A-Za-z0-9_-]{20,}+"
        r"|ya29\.[A-Za-z0-9_.-]{20,}+)",
        "AIza GOCSPX- ya29.",
        "AIza" + "A1b2" * 8 + "A1b",
        "AIzaShort",
    ),
    _token(
        "anthropic",
        r"sk-ant-[A-Za-z0-9_-]{16,}+",
        "sk-ant-",
        "sk-" + "ant-api03-" + "A1b2" * 8,
        "sk-ant-",
    ),
    _token(
        "openai",
        r"(?:sk|sess)-[A-Za-z0-9_-]{20,}+",
        "sk- sess-",
        "sk-" + "proj-" + "A1b2" * 8,
        "class sk-folding-cube-animation-delayed",
        has_digit,
    ),
    _token(
        "huggingface",
        r"(?:hf|api_org)_[A-Za-z0-9]{30,}+",
        "hf_ api_org_",
        "hf_" + "A1b2" * 8 + "Ab",
        "hf_hub_download",
    ),
    _token(
        "npm",
        r"npm_[A-Za-z0-9]{30,}+",
        "npm_",
        "npm_" + "A1b2" * 9,
        "npm_config_registry",
    ),
    _token(
        "pypi",
        r"pypi-[A-Za-z0-9_-]{32,}+",
        "pypi-",
        "pypi-" + "AgEIcHlwaS5vcmc" + "A1b2" * 8,
        "pypi-mirror",
        has_digit,
    ),
    _token(
        "docker",
        r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}+",
        "dckr_pat_ dckr_oat_",
        "dckr_" + "pat_" + _MIXED * 3,
        "dckr_pat_1",
    ),
    _token(
        "sendgrid",
        r"SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+",
        "SG.",
        "SG." + "A1b2" * 5 + "Ab." + "A1b2" * 10 + "Abc",
        "SG.1",
    ),
    _token(
        "twilio",
        rf"(?:SK|AC)[0-9a-fA-F]{{32}}{RIGHT}",
        "SK AC",
        "SK" + _HEX * 4,
        "SKU-12345",
    ),
    _token(
        "shopify",
        r"shp(?:at|ca|pa|ss|tka|ua|cka)_[A-Za-z0-9]{24,}+",
        "shpat_ shpca_ shppa_ shpss_ shptka_ shpua_ shpcka_",
        "shpat_" + _HEX * 4,
        "shpat_short",
    ),
    _token(
        "discord",
        r"(?:M[Tjz]|N[DTjz]|O[DT])[A-Za-z0-9_-]{21,26}\.[A-Za-z0-9_-]{6}\."
        r"[A-Za-z0-9_-]{27,40}(?![A-Za-z0-9_-])|mfa\.[A-Za-z0-9_-]{80,}+",
        # The first digits of an id, in Base64.
        "MT Mj Mz ND NT Nj Nz OD OT mfa.",
        "MTIzNDU2Nzg5MDEyMzQ1" + "Njc4.GhIjKl." + "A1b2" * 9 + "Ab",
        "MyService.Method.call",
    ),
    _token(
        "token",
        r"(?:do[oprt]_v1_|NRAK-|NRJS-|NRII-|glsa_|glc_|lin_api_|ntn_|ATATT3"
        r"|ATCTT3|ATBB|hv[sbr]\.|sntry[su]_|sbp_|gsk_|pplx-|xai-|figd_|PMAK-"
        r"|rubygems_|sq0(?:atp|csp)-|pscale_(?:tkn|pw|oauth)_|dp\.(?:pt|st|ct)\."
        r"|pnu_|rdme_|shippo_(?:live|test)_|xkeysib-|xsmtpsib-|tfp_|CFPAT-"
        r"|sgp_|tskey-(?:api|auth|client)-|bkua_|CCIPAT_|dt0[cs][0-9]{2}\."
        r"|rzp_(?:live|test)_|HRKU-|duffel_(?:live|test)_|FLWSECK(?:_TEST)?-"
        r"|tvly-|lsv2_(?:pt|sk)_|AGE-SECRET-KEY-1|apify_api_|nvapi-|phx_)"
        r"[A-Za-z0-9_.=/+-]{20,}+"
        rf"|(?:key-|dapi|EZ[AT]K|oy2[a-z]|r8_|LTAI|secret_)"
        rf"[A-Za-z0-9]{{32,64}}{RIGHT}|pul-[0-9a-f]{{40}}{RIGHT}"
        rf"|re_[A-Za-z0-9]{{8}}_[A-Za-z0-9]{{24}}{RIGHT}"
        r"|sl\.[A-Za-z0-9_-]{100,}+|aio_[A-Za-z0-9]{28}|AKCp[A-Za-z0-9]{69}",
        "doo_v1_ dop_v1_ dor_v1_ dot_v1_ dapi NRAK- NRJS- NRII- glsa_ glc_ "
        "lin_api_ ntn_ secret_ ATATT3 ATCTT3 ATBB hvs. hvb. hvr. sntrys_ "
        "sntryu_ sbp_ gsk_ r8_ pplx- xai- figd_ PMAK- rubygems_ oy2 sq0atp- "
        "sq0csp- pscale_ pul- dp.pt. dp.st. dp.ct. pnu_ rdme_ shippo_ "
        "xkeysib- xsmtpsib- tfp_ EZAK EZTK CFPAT- AKCp sgp_ tskey- bkua_ "
        "CCIPAT_ dt0c dt0s LTAI rzp_live_ rzp_test_ HRKU- key- aio_ duffel_ "
        "FLWSECK phx_ tvly- lsv2_ AGE-SECRET-KEY-1 apify_api_ nvapi- sl. re_",
        "glsa_" + _MIXED * 4,
        "key-value-store-of-the-session-cache",
        has_digit,
    ),
)
"""Tokens; the first characters of each are its hint."""
