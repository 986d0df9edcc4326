"""The status page: one file that opens from a share without a server, and runs nothing."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from reeldrop.ports import DaySpent
from reeldrop.web.records import day_told, health_told, title, transfer_told
from reeldrop.web.style import STYLE

REFRESH = 10
"""Seconds after which the browser reads the file again."""
ROWS = 500
"""Rows of one section; the rest is counted and stands in `_status.json`."""

Record = Mapping[str, Any]

SECTIONS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Needs a person", "person", ("uncertain",)),
    ("Waiting", "waiting", ("waiting", "queued")),
    ("Under way", "going", ("uploading", "submitting", "generating", "downloading", "delivering")),
    ("Failed", "failed", ("failed", "cancelled")),
    ("Delivered", "delivered", ("delivered",)),
)


def status_page(document: Record) -> str:
    """Return the page of a status document; every text in it is escaped, every link relative."""
    records: list[Record] = [*document["waiting"], *document["jobs"]]
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="refresh" content="{REFRESH}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        '<meta name="referrer" content="no-referrer">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src 'self' file: data:\">",
        f"<title>Reeldrop · {_title(document['counts'])}</title><style>{STYLE}</style></head>",
        "<body><main>",
        _heading(document),
        _blocked(document["blocked"]),
        _watches(document["watches"]),
        *(_section(title, kind, states, records) for title, kind, states in SECTIONS),
        "" if records else '<p class="empty">Nothing here yet. Drop a clip into the inbox.</p>',
        "</main></body></html>",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def _title(counts: Mapping[str, int]) -> str:
    sums = [(sum(counts.get(state, 0) for state in states), title) for title, _, states in SECTIONS]
    return ", ".join(f"{number} {title.lower()}" for number, title in sums if number) or "idle"


def _heading(document: Record) -> str:
    chips = "".join(
        f'<li class="{kind}"><b>{sum(document["counts"].get(s, 0) for s in states)}</b> {title}</li>'
        for title, kind, states in SECTIONS
    )
    return (
        f"<header><h1>Reeldrop</h1><p>{escape(document['node'])} · as of "
        f"{_time(document['updated'])}. If this is long ago, the daemon is not running or the "
        f"share is not reachable.</p><ul>{chips}</ul>{_spent(document['spent'])}</header>"
    )


def _spent(days: Sequence[Record]) -> str:
    """Say what the last day on which anything was submitted has cost so far."""
    if not days:
        return ""
    told = day_told(DaySpent(**days[0]))
    return f'<p class="spent">{escape(told)}</p>'


def _blocked(reason: str) -> str:
    return f'<p class="blocked">Not submitted now: {escape(reason)}</p>' if reason else ""


def _watches(watches: Iterable[Record]) -> str:
    """Say how long ago each inbox was looked at: what nobody looks at is never taken."""
    lines = "".join(
        f'<li class="{"well" if each["ok"] else "ill"}">{escape(_readable(health_told(each)))}</li>'
        for each in watches
    )
    return f'<ul class="watches">{lines}</ul>' if lines else ""


def _section(title: str, kind: str, states: Iterable[str], records: Iterable[Record]) -> str:
    mine = [record for record in records if record["state"] in tuple(states)]
    if not mine:
        return ""
    rows = "".join(_row(kind, record) for record in mine[:ROWS])
    more = f"<li>… and {len(mine) - ROWS} more</li>" if len(mine) > ROWS else ""
    return f'<section class="{kind}"><h2>{title}</h2><ol>{rows}{more}</ol></section>'


def _row(kind: str, record: Record) -> str:
    return (
        f"<li>{_picture(kind, record)}<div><h3>{_name(record)}</h3>{_progress(record)}"
        f"{_story(record)}{_small(record)}</div></li>"
    )


def _name(record: Record) -> str:
    text = escape(_readable(title(record)))
    final = record.get("final")
    return f'<a href="{_link(final)}">{text}</a>' if final else text


def _picture(kind: str, record: Record) -> str:
    if kind != "delivered" or not record.get("final"):
        return ""
    final = record["final"]
    # A poster that could not be made leaves an empty place, not a broken one: the text is empty.
    return (
        f'<a href="{_link(final)}"><img src="{_link(final)}poster.jpg" alt="" loading="lazy"></a>'
    )


def _progress(record: Record) -> str:
    """How far its files have gone; a bar only where their end is known."""
    transfer = record.get("transfer")
    if not transfer:
        return ""
    count, total = transfer["bytes"], transfer["total"]
    bar = f'<progress value="{count}" max="{total}"></progress>' if total else ""
    return f"<p>{bar}{escape(transfer_told(transfer))}</p>"


def _story(record: Record) -> str:
    """What happened and what to do, in sentences."""
    error = record.get("error") or {}
    sentences = [record["reason"], error.get("message"), error.get("hint")]
    told = dict.fromkeys(_readable(text) for text in sentences if text)
    if record["state"] == "failed" and record.get("final"):
        told["To run it again, drag what lies in its source folder back into the inbox."] = None
    return "".join(f"<p>{escape(text)}</p>" for text in told)


def _small(record: Record) -> str:
    cost = (record.get("cost") or {}).get("usd")
    facts = [
        escape(record["state"]),
        f"since {_time(record['updated'])}",
        escape(record["watch"]),
        f"job {escape(record['id'][:8])}" if record["id"] else "",
        f"generation {escape(_readable(record['generation_id']))}"
        if record.get("generation_id")
        else "",
        f"${cost:.2f}" if cost is not None else "",
    ]
    return f"<small>{' · '.join(fact for fact in facts if fact)}</small>"


def _time(iso: str) -> str:
    return f'<time datetime="{escape(iso)}">{escape(iso[:10])} {escape(iso[11:19])} UTC</time>'


def _readable(text: str) -> str:
    """Return `text` with what is no text shown by its number, so that it can be written as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _link(folder: str) -> str:
    """Return a relative address of `folder` that no name can lead elsewhere."""
    return "./" + quote(folder.encode("utf-8", "surrogateescape")) + "/"
