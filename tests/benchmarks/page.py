"""The table and the plot of docs/performance/, made of the results kept."""

from __future__ import annotations

import json
import os
import platform

import bars
import instructions
import loki
import masking

from chain import RIVALS, ratio
from environments import ROOT


FOLDER = ROOT / "docs" / "performance"
WEB_PACKAGES = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "asgi-correlation-id",
    "structlog",
    "flask",
    "gunicorn",
    "django",
    "django-structlog",
)
OURS = {"mohflow_file", "mohflow_unmasked", "mohflow_only_loki"}


def machine():
    """Return what the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": f"{os.cpu_count()} cores",
        "system": f"{platform.system()} {platform.release()}",
    }


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def keep(name, found):
    """Keep raw results: those of one Python, or of the viewers."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def kept():
    """Return the results that are kept, by Python."""
    found = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in FOLDER.glob("python*.json")
    }
    return dict(sorted(found.items()))


def write():
    """Write what the page includes."""
    results = kept()
    parts = [
        _machine(results),
        _log_calls(results),
        _bars(results),
        _masking(results),
        _loki(results),
        _versions(results),
    ]
    text = "\n".join(parts)
    (FOLDER / "tables.inc").write_text(text, encoding="utf-8")
    newest = results[max(results)]
    (FOLDER / "log-call.svg").write_text(_plot(newest), encoding="utf-8")


def write_web(head, rows, found):
    """Write the tables of web.py, which the page includes."""
    requests = _table(
        "Requests beside the same framework without middleware",
        head,
        rows,
        "26 34 10 10 10 10",
    )
    least = found["parts"]["no middleware"]
    of_line = found["parts"]["of that: one os.write of the line"]
    parts = _table(
        "One request in the middleware, without server and framework",
        ["", "CPU µs", "as multiples of the write"],
        [
            [
                f"**{name}**" if name == "MohFlow" else name,
                f"{micro:.1f}",
                f"{(micro - (0 if 'of ' in name else least)) / of_line:.1f}",
            ]
            for name, micro in found["parts"].items()
            if micro != least
        ],
        "60 20 20",
    )
    lower = {n.lower(): version for n, version in found["versions"].items()}
    versions = ", ".join(f"{n} {lower[n]}" for n in WEB_PACKAGES)
    text = f"{requests}\n{parts}\nVersions: {versions}.\n"
    (FOLDER / "web.inc").write_text(text, encoding="utf-8")


def write_view():
    """Write what the page includes about ``mohflow view``."""
    found = json.loads((FOLDER / "view.json").read_text(encoding="utf-8"))
    text = view_table(found)
    (FOLDER / "view.inc").write_text(text, encoding="utf-8")


def view_table(found):
    """Return the viewers' table: the large file, then the small one."""
    parts = []
    for file in reversed(found["files"]):
        least = {
            name: {
                what: min(one[what] for one in rounds) for what in rounds[0]
            }
            for name, rounds in file["programs"].items()
        }
        rivals = [n for n in least if "mohflow" not in n]
        quick = {
            w: min(least[n][w] for n in rivals) for w in ("cpu", "seconds")
        }
        rows = [
            [
                name if name in rivals else f"**{name}**",
                f"{one['cpu']:.2f} s",
                f"{one['cpu'] / quick['cpu']:.2f}",
                f"{one['seconds']:.2f} s",
                f"{one['seconds'] / quick['seconds']:.2f}",
                f"{one['mib']:.0f} MiB",
            ]
            for name, one in sorted(least.items(), key=lambda n: n[1]["cpu"])
        ]
        title = f"{file['events']:,} events, {file['megabytes']} MB"
        head = ["", "CPU", "ratio", "time", "ratio", "memory"]
        parts.append(_table(title, head, rows, "30 14 14 14 14 14"))
    versions = ", ".join(f"{n} {v}" for n, v in found["versions"].items())
    on = ", ".join(found["machine"].values())
    return "\n".join([*parts, f"On {on}: {versions}.\n"])


def _table(title, head, rows, widths=None):
    lines = [f".. list-table:: {title}", "   :header-rows: 1"]
    if widths:
        lines.append(f"   :widths: {widths}")
    lines.append("")
    for row in (head, *rows):
        for number, cell in enumerate(row):
            lines.append(f"   {'  ' if number else '* '}- {cell}")
    return "\n".join([*lines, ""])


def _machine(results):
    machine = next(iter(results.values()))["machine"]
    return "Machine: " + ", ".join(f"{v}" for v in machine.values()) + ".\n"


def _log_calls(results):
    rows = []
    for rival, name in RIVALS.items():
        row = [f"**{name}**" if rival in OURS else name]
        for found in results.values():
            ns = found["chain"]["ns"]
            if f"{rival} event" not in ns:
                row.append("does not install")
                continue
            least, middle = ratio(ns, f"{rival} event", "limit event")
            micro = min(ns[f"{rival} event"]) / 1000
            row.append(f"{middle:.1f} ({least:.1f}; {micro:.2f} µs)")
        rows.append(row)
    if all("instructions" in found for found in results.values()):
        rows += [
            [f"instructions of {RIVALS[rival]}"]
            + [f"{f['instructions'][rival]:,}" for f in results.values()]
            for rival in instructions.RIVALS
        ]
    title = "One event into a file, as a multiple of the limit"
    return _table(title, ["", *map(_titled, results)], rows)


def _titled(python):
    return python.replace("python", "Python ")


def _bars(results):
    judged = [list(bars.judged(found)) for found in results.values()]
    rows = []
    for same in zip(*judged, strict=True):
        what, _, bar = same[0]
        cells = [
            f"{figure:.2f}" + ("" if figure <= bar else " **missed**")
            for _, figure, _ in same
        ]
        rows.append([what, f"{bar:g}", *cells])
    title = "What must be reached; less is better"
    return _table(title, ["", "at most", *map(_titled, results)], rows)


def _masking(results):
    tables = []
    for python, found in results.items():
        rows = masking.rows(found.get("masking", {}))
        if rows:
            head = ["MB/s", "the limit", *masking.VARIANTS.values()]
            title = f"Masking 10 kB of clean text, {_titled(python)}"
            tables.append(_table(title, head, rows))
    return "\n".join(tables)


def _loki(results):
    rows = []
    for kind, server in (
        ("accept", "a server that reads bytes"),
        ("store", "LokiServer"),
    ):
        for rival, name in loki.SENDER_NAMES.items():
            row = [f"**{name}**" if rival in OURS else name, server]
            for found in results.values():
                rates = found["loki"]["rates"].get(f"{kind} {rival}")
                why = found["loki"]["missing"].get(f"{kind} {rival}", "")
                row.append(f"{max(rates):,}" if rates else why or "not run")
            if kind == "accept" or rival in ("loki_posts", *OURS):
                rows.append(row)
    title = "Events a second until they are stored"
    return _table(title, ["", "into", *map(_titled, results)], rows)


def _versions(results):
    rows = []
    for found in results.values():
        seen = {}
        for versions in found["chain"]["versions"].values():
            for name, version in versions.items():
                if version not in seen.setdefault(name, []):
                    seen[name].append(version)
        text = ", ".join(f"{n} {' and '.join(v)}" for n, v in seen.items())
        missing = "; ".join(
            f"{rival} is missing: {why}"
            for rival, why in found["chain"]["missing"].items()
        )
        rows.append([found["machine"]["python"], f"{text}. {missing}".strip()])
    return _table("Versions", ["Python", "Packages"], rows, "15 85")


def _plot(found):
    """Return bars as SVG: the ratio of each rival to the limit."""
    ns = found["chain"]["ns"]
    ratios = {
        name: (rival, ratio(ns, f"{rival} event", "limit event")[1])
        for rival, name in RIVALS.items()
        if f"{rival} event" in ns
    }
    most = sorted(value for _, value in ratios.values())[-2]
    height = 26 * len(ratios) + 10
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" '
        f'height="{height}" font-family="sans-serif" font-size="13">'
    ]
    by_ratio = sorted(ratios.items(), key=lambda item: item[1][1])
    for row, (name, (rival, value)) in enumerate(by_ratio):
        top = 26 * row + 5
        width = 300 * min(value / most, 1.15)
        color = "#2b6cb0" if rival in OURS else "#a0aec0"
        more = " (bar cut)" if value / most > 1.15 else ""
        parts.append(
            f'<text x="340" y="{top + 15}" text-anchor="end">{name}</text>'
            f'<rect x="350" y="{top}" width="{width:.0f}" height="20" '
            f'fill="{color}"/>'
            f'<text x="{355 + width:.0f}" y="{top + 15}">'
            f"{value:.1f}{more}</text>"
        )
    return "\n".join([*parts, "</svg>", ""])
