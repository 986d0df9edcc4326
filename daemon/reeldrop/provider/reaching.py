"""Whether a stranger reaches a URL: fetched as the provider would, without a key and without patience."""

from dataclasses import dataclass

import httpx

from reeldrop.domain.errors import StartupError
from reeldrop.provider.connection import environment_proxy

SECONDS = 15.0
FIRST, LAST = 100, 199
"""The part that is asked for by Range."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A URL, and what must come from it: more than LAST bytes."""

    url: str
    content: bytes
    head_too: bool
    """Whether HEAD is answered as well: a URL that is signed for GET is not."""


async def reach(probe: Probe) -> None:
    """Fetch it whole, and a part of it.

    Raises:
        StartupError: it cannot be fetched; says what came in its place, and what to do. The URL is not
            in it.
        SettingsError: the proxy of the environment is no HTTP proxy.
    """
    # By the proxy of the environment, as everything that goes out from here; this host itself, never.
    async with httpx.AsyncClient(
        verify=httpx.create_ssl_context(),
        timeout=SECONDS,
        proxy=environment_proxy(probe.url),
        trust_env=False,
    ) as client:
        try:
            await _reach(client, probe)
        except httpx.ConnectError as error:
            why = (
                "its certificate is not trusted"
                if "CERTIFICATE" in str(error)
                else "nobody answers"
            )
            raise _trouble(f"{why} at {_host(probe)}", NOT_REACHED) from error
        except httpx.TimeoutException as error:
            raise _trouble(f"{_host(probe)} does not answer in time", NOT_REACHED) from error
        except httpx.HTTPError as error:
            told = f"{_host(probe)} answers, but not as a web server would ({type(error).__name__})"
            raise _trouble(told, OTHER) from error


NOT_REACHED = "Look at the name, the port, the certificate and the firewall on the way."
OTHER = "Another program or another daemon may answer there: look at the address and at the proxy."
REDIRECTED = "Name the address that answers by itself; a provider may not follow redirects."
CHANGED = "The proxy changes what it passes on: turn compression and rewriting off for it."
RANGE = "The proxy drops the header Range: let it pass, or large clips may not be fetched."
HEAD = "The proxy refuses HEAD: let it pass, or the provider may refuse the file unseen."


async def _reach(client: httpx.AsyncClient, probe: Probe) -> None:
    host = _host(probe)
    whole, content = await _fetched(client, probe, {})
    if whole.is_redirect:
        target = httpx.URL(whole.headers.get("location", "")).host or "another path"
        raise _trouble(f"{host} redirects to {target}", REDIRECTED)
    if whole.status_code != httpx.codes.OK:
        raise _trouble(f"{host} answers {whole.status_code}", OTHER)
    if content != probe.content:
        raise _trouble(f"{host} gives out something else than it was given", OTHER)
    if "content-encoding" in whole.headers or int(whole.headers.get("content-length", 0)) != len(
        probe.content
    ):
        raise _trouble(f"{host} does not say how long the file is, or packs it", CHANGED)
    _, part = await _fetched(client, probe, {"Range": f"bytes={FIRST}-{LAST}"})
    if part != probe.content[FIRST : LAST + 1]:
        raise _trouble(f"{host} gives out all of it where a part is asked for", RANGE)
    if probe.head_too and (await client.head(probe.url)).status_code != httpx.codes.OK:
        raise _trouble(f"{host} does not answer HEAD", HEAD)


async def _fetched(
    client: httpx.AsyncClient, probe: Probe, headers: dict[str, str]
) -> tuple[httpx.Response, bytes]:
    """Return an answer, and no more of its body than the probe has."""
    body = bytearray()
    async with client.stream("GET", probe.url, headers=headers) as response:
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > len(probe.content):
                break
    return response, bytes(body)


def _host(probe: Probe) -> str:
    return httpx.URL(probe.url).host


def _trouble(what: str, hint: str) -> StartupError:
    return StartupError(f"{what[0].upper()}{what[1:]}.", hint=hint)
