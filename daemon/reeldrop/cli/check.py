"""`reeldrop check`: what is ready, what is not, and what to do about it."""

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click
from pydantic import SecretStr

from reeldrop import version
from reeldrop.app.folders import check_jobs, inbox_names, paths_of, real_folders
from reeldrop.cli import check_uploads
from reeldrop.cli.options import config_options
from reeldrop.domain.errors import (
    NotAuthorised,
    ProviderUnavailable,
    ReeldropError,
    SettingsError,
    StartupError,
)
from reeldrop.domain.path_map import NO_MAP
from reeldrop.engine.intake.spec import check_defaults
from reeldrop.host.clock import SystemClock
from reeldrop.host.leaving import leave
from reeldrop.provider import open_catalogue
from reeldrop.provider.client import open_provider
from reeldrop.settings import Loaded, Settings, WatchSettings, api_key, load, web_token
from reeldrop.store import open_reader

WRONG_SETTINGS, NOT_THERE = 78, 75


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was found, and the exit code it asks for."""

    name: str
    text: str
    code: int = 0

    def line(self) -> str:
        """Return the line as it is printed; what follows its first line is indented."""
        return f"{'--' if self.code else 'ok'} {self.name:<9} " + self.text.replace("\n", "\n   ")


@click.command("check")
@config_options
@click.pass_context
def command(ctx: click.Context, config: str | None, inbox: str | None, outbox: str | None) -> None:
    """Look at settings, folders, store, key, API and signed URLs: each ok, or what to do."""
    worst = 0
    loaded = load(config, inbox, outbox)
    for finding in _findings(loaded):
        click.echo(finding.line())
        worst = max(worst, finding.code)
    if loaded.settings.upload.object_store:
        leave(worst)
    ctx.exit(worst)


def _findings(loaded: Loaded) -> Iterator[Finding]:
    settings = loaded.settings
    yield _found("settings", lambda: _settings(loaded))
    models = _found("models", lambda: _models(settings))
    yield models
    folders = _found("folders", lambda: _folders(settings))
    there = not folders.code
    # What paths of a farm mean depends on the folders, and one that hangs must not be asked again.
    if not models.code and (there or not settings.path_map):
        yield _found("defaults", lambda: _defaults(settings))
    yield folders
    yield _found("store", lambda: _store(settings, settings.watch if there else ()))
    key = None
    try:
        key = api_key(settings.api)
        yield _key(key)
    except SettingsError as error:
        yield Finding("key", error.message, WRONG_SETTINGS)
    yield _found("api", lambda: _account(settings, key))
    yield _found("urls", lambda: check_uploads.look(settings))
    yield _found("notify", lambda: asyncio.run(_notify(settings)))


def _found(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, look())
    except ReeldropError as error:
        wrong = isinstance(error, SettingsError | NotAuthorised)
        text = f"{error.message}\n{error.hint}" if error.hint else error.message
        return Finding(name, text, WRONG_SETTINGS if wrong else NOT_THERE)


def _settings(loaded: Loaded) -> str:
    web_token(loaded.settings.web)
    return f"from {loaded.source}" if loaded.source else "no file: defaults and environment"


def _models(settings: Settings) -> str:
    return f"{len(open_catalogue(settings.api.catalogue_dir).names())} known"


def _defaults(settings: Settings) -> str:
    catalogue = open_catalogue(settings.api.catalogue_dir)
    paths = paths_of(settings, inbox_names(settings)) if settings.path_map else {}
    for watch in settings.watch:
        check_defaults(watch.name, watch.defaults, catalogue, paths.get(watch.name, NO_MAP))
    return f"of {len(settings.watch)} watches, as the models take them"


def _folders(settings: Settings) -> str:
    if not settings.watch:
        raise SettingsError("no folder to watch: give --inbox and --outbox, or a [[watch]] table")
    from reeldrop import app  # noqa: PLC0415 - it brings every room with it

    asyncio.run(app.check_folders(settings))
    return "\n".join(f"{watch.inbox} -> {watch.outbox}" for watch in settings.watch)


def _store(settings: Settings, watches: Sequence[WatchSettings]) -> str:
    path = settings.store.sqlite_path
    if path.exists():
        with open_reader(settings.store) as store:
            for watch in watches:
                check_jobs(watch, store.elsewhere(watch.name, *real_folders(watch)))
            return f"{path}, {len(store.jobs())} jobs"
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise StartupError(
            f"{path} cannot be made: {above} is not a folder that this user may write to; "
            "give another store.url"
        )
    return f"{path} will be made"


def _key(key: SecretStr | None) -> Finding:
    if key is None:
        text = "there is none: set AIMLAPI_API_KEY, or name a file with it as api.key_file"
        return Finding("key", text, WRONG_SETTINGS)
    return Finding("key", "there is one")


def _account(settings: Settings, key: SecretStr | None) -> str:
    url = settings.api.base_url
    try:
        balance, currency = asyncio.run(_balance(settings, key))
    except ProviderUnavailable as error:
        hint = error.hint or "Look at api.base_url, and at this host's network and proxy."
        raise StartupError(f"{url}: {error.message}", hint=hint) from error
    return f"{url} answers; the balance is {balance:.2f} {currency}"


async def _notify(settings: Settings) -> str:
    from reeldrop import notify  # noqa: PLC0415 - apprise takes its time
    from reeldrop.app.receivers import Receivers  # noqa: PLC0415

    receivers = await Receivers(SystemClock()).open(settings.notify)
    told = [f"{each}, of {', '.join(each.occasions) or 'nothing'}" for each in receivers or ()]
    return "\n".join([*told, *notify.exposed(settings.notify)]) or "nobody is told of anything"


async def _balance(settings: Settings, key: SecretStr | None) -> tuple[float, str]:
    clock = SystemClock()
    async with open_provider(settings.api, key, version(), clock) as provider:
        return await provider.balance()
