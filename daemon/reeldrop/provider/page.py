"""Prints docs/provider.md: `python -m reeldrop.provider.page > docs/provider.md`."""

import sys

from reeldrop.provider import clients, fetch, requestlog, verdicts, wire
from reeldrop.provider.client import BILLING, GENERATIONS

TIMEOUTS = clients.Timeouts()

HEAD = f"""# The provider, as Reeldrop sees it

This page is printed from the code (`python -m reeldrop.provider.page > docs/provider.md`); a test
holds it to the table in `daemon/reeldrop/provider/verdicts.py`.

## Requests

| call | request | time-outs |
| --- | --- | --- |
| submit | `POST {GENERATIONS}`, on a fresh connection, never redirected, never sent twice | \
connect {TIMEOUTS.connect:g} s, no byte gets away for {TIMEOUTS.write:g} s, \
answer {TIMEOUTS.answer:g} s, then for {TIMEOUTS.late:g} s more as an uncertain one |
| poll | `GET {GENERATIONS}?generation_id=…` (the id percent-encoded) | {TIMEOUTS.poll:g} s |
| request log | `GET {requestlog.LOGS}?period=…&limit={requestlog.PAGE}&offset=…` \
(`period`: {", ".join(requestlog.PERIODS)}) | {TIMEOUTS.poll:g} s |
| balance | `GET {BILLING}` | {TIMEOUTS.poll:g} s |
| fetch | `GET` of the result's URL, without the key, at most {fetch.REDIRECTS_MAX} redirects, \
`https://` alone (`http://` from this host) | {TIMEOUTS.fetch:g} s of silence, \
{TIMEOUTS.fetch * fetch.SLOWEST:g} s for 1 MiB |

Every request says `User-Agent: reeldrop/<version>`; a submit carries `X-Client-Request-Id`. The key
goes to the API's own address alone. HTTP/1.1 only. Answers above {wire.ANSWER_MAX // 1024} KiB
count as unreadable, results above {fetch.RESULT_MAX // 1000**3} GB are refused.

`HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` of the environment are honoured. Plain http, which only
this host itself may speak, never goes through a proxy. `NO_PROXY` takes names and addresses; a network
(`fd00::/8`) in it matches nothing. A proxy that cannot be used ends the start and `check` with 78.

## What a submit's answer proves

A submit costs money and the API knows no idempotency key. So the last bytes of the body are held
back until the intent is on disk. Before that nothing can have been made, whatever is answered;
after it only some answers prove that nothing was made. Everything else is `UnknownOutcome`: it is
never sent again by itself.

A body is in the API's own shape if it holds `statusCode` (or `status`) with `message`, or `error`
with `name` and `message`. A gateway's page or JSON proves nothing. For 401 to 403 the words of any
JSON body tell an empty account, an unverified one and a key's limit apart.

A 2xx with an id is a generation. Its line below is for a 2xx that cannot be read or has none.

## Where a lost answer is looked for

The API's request log names every submit by the `X-Client-Request-Id` that went with it. It is asked
for the shortest of its periods that reaches back past the submit and {requestlog.MARGIN / 60:g} min more, never beyond
7 days. A period is counted on the provider's clock, so that the clocks need not agree. Nothing
narrows the search: neither the model, which may have been renamed, nor the outcome.

All pages are read, newest row first, until every submit has been found with its generation, so that
"not there" is said of the whole log or not at all. A page that cannot be read, is cut off, is another
one than was asked for or is empty where more is announced is no answer, and neither is a log of more
than {requestlog.PAGES_MAX} pages. `failed` alone means that nothing was made, and only if no other row of the same
submit says otherwise. The first {requestlog.BURST} pages are asked for without a pause, then one every {requestlog.INTERVAL:g} s (the API
allows 200 in 60 s). When the row of a generation that is still running appears is not documented.

## The table

The first line that fits holds. A `Retry-After` (seconds or a date, at most a day) goes with
`RateLimited` and `ProviderUnavailable`.
"""

STATUSES = f"""
## Statuses of a generation

Complete: {", ".join(f"`{word}`" for word in sorted(wire.SUCCESSES))}.
Failed: {", ".join(f"`{word}`" for word in sorted(wire.FAILURES))}.
Every other word, known or not, means that it is still running.
"""


def page() -> str:
    """Return docs/provider.md."""
    return "\n".join([HEAD, *verdicts.printed(), STATUSES])


if __name__ == "__main__":
    sys.stdout.write(page())
