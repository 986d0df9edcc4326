"""What an object store's own tools would find in their usual places, where obstore does not look by itself."""

import configparser
import os
from pathlib import Path

from reeldrop.settings.model import UploadSettings

Options = dict[str, str | bool | int]


def object_store_options(settings: UploadSettings) -> Options:
    """Return the options of the settings; for S3 laid over what the files of the AWS tools hold.

    obstore itself looks into the environment and asks the machine it runs on. The files are not read
    where either the options or the environment hold a key.
    """
    options: Options = dict(settings.object_store_options)
    if not settings.object_store.startswith("s3://"):
        return options
    named = {key.removeprefix("aws_") for key in options}
    keyed = "access_key_id" in named or "AWS_ACCESS_KEY_ID" in os.environ
    found = {} if keyed else _credentials()
    if not named & {"region", "default_region"} and not _asked("AWS_REGION", "AWS_DEFAULT_REGION"):
        found |= _region()
    return {**found, **options}


def _credentials() -> Options:
    section = _section(_asked("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials", _profile())
    names = {
        "aws_access_key_id": "access_key_id",
        "aws_secret_access_key": "secret_access_key",
        "aws_session_token": "session_token",
    }
    return {ours: section[theirs] for theirs, ours in names.items() if theirs in section}


def _region() -> Options:
    profile = _profile()
    name = profile if profile == "default" else f"profile {profile}"
    section = _section(_asked("AWS_CONFIG_FILE") or "~/.aws/config", name)
    return {"region": section["region"]} if "region" in section else {}


def _section(file: str, name: str) -> dict[str, str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(Path(file).expanduser().read_text("utf-8"))
        return dict(parser[name])
    except (OSError, ValueError, KeyError, RuntimeError, configparser.Error):
        # No file, no such profile, no home: the next of the usual places is asked.
        return {}


def _profile() -> str:
    return _asked("AWS_PROFILE") or "default"


def _asked(*variables: str) -> str:
    return next((value for name in variables if (value := os.environ.get(name, ""))), "")
