"""Who we are to S3: keys from DVC's config, from the environment, from a profile; in botocore's order.

Static profiles are read here. Those that need a process, a browser or a token exchange are left to botocore, which is
an optional extra. Web identities, containers and instances are obstore's: it reads the same variables.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from dvcexp.errors import ConfigError, printable

if TYPE_CHECKING:
    from obstore.store import S3Credential, S3CredentialProvider

_ASK_AGAIN = timedelta(minutes=10)  # botocore answers from memory until its credentials come near their end

# Keys in a profile that name a way to credentials other than keys written there.
_NEEDS_BOTOCORE = (
    "role_arn",
    "credential_process",
    "sso_session",
    "sso_start_url",
    "sso_account_id",
    "web_identity_token_file",
    "credential_source",
    "login_session",
)


@dataclass(frozen=True)
class Profile:
    """What AWS's two files say about the profile `name`; `files` are their paths, the credentials file first."""

    name: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    s3: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, str] = ("", "")

    @property
    def keys(self) -> dict[str, str] | None:
        """Keys written there, by obstore's names, unless the profile goes another way."""
        if any(key in self.values for key in _NEEDS_BOTOCORE) or "aws_access_key_id" not in self.values:
            return None
        keys = {"access_key_id": self.values["aws_access_key_id"]}
        keys["secret_access_key"] = self.values.get("aws_secret_access_key", "")
        if token := self.values.get("aws_session_token"):
            keys["session_token"] = token
        return keys

    @property
    def needs_botocore(self) -> str | None:
        """The key that says so."""
        return next((key for key in _NEEDS_BOTOCORE if key in self.values), None)


def read_profile(
    name: str | None, credentialpath: str | None, configpath: str | None, environ: Mapping[str, str]
) -> Profile:
    """The profile `name`, else the environment's, else `default`; empty where no file has it.

    The environment's files win over the two paths of DVC's config, because in DVC they do. Raises ConfigError for a
    file that cannot be read, or a profile that was asked for and is nowhere.
    """
    wanted = name or environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE")
    home = os.path.expanduser("~/.aws")
    credentials_file = environ.get("AWS_SHARED_CREDENTIALS_FILE") or credentialpath or f"{home}/credentials"
    config_file = environ.get("AWS_CONFIG_FILE") or configpath or f"{home}/config"
    credentials, config = _read(credentials_file), _read(config_file)
    profile = wanted or "default"
    section = "default" if profile == "default" and not config.has_section("profile default") else f"profile {profile}"
    found = [
        dict(config.items(section)) if config.has_section(section) else None,
        dict(credentials.items(profile)) if credentials.has_section(profile) else None,
    ]
    if wanted and not any(part is not None for part in found):
        raise ConfigError(
            f"there is no AWS profile '{printable(wanted)}' in '{credentials_file}' or '{config_file}'",
            f"make it with: aws configure --profile {wanted}",
        )
    values = {key: value for part in found if part for key, value in part.items()}
    if "services" in values and config.has_section(f"services {values['services']}"):
        services = _nested(config.get(f"services {values['services']}", "s3", fallback=""))
        values = {**values, **services}
    return Profile(profile, values, _nested(values.pop("s3", "")), (credentials_file, config_file))


def _read(path: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(default_section="", strict=False)
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            parser.read_file(file)
    except FileNotFoundError:
        pass
    except (OSError, UnicodeError, configparser.Error) as error:
        # configparser quotes the lines it cannot read, and they may hold a key.
        reason = error.strerror if isinstance(error, OSError) else "not a valid AWS configuration file"
        raise ConfigError(f"'{printable(path)}' cannot be read: {reason}") from None
    return parser


def _nested(block: str) -> dict[str, str]:
    """`s3 =` and a block of indented `key = value` lines, which configparser joins with line breaks."""
    pairs = (line.partition("=") for line in block.splitlines())
    return {key.strip(): value.strip() for key, equals, value in pairs if equals}


def botocore_provider(profile: Profile, region: str) -> S3CredentialProvider:
    """Credentials that botocore gets and renews for `profile`; obstore asks again when they expire."""
    try:
        import botocore.session  # type: ignore[import-untyped]
        from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]
    except ImportError:
        raise ConfigError(
            f"the AWS profile '{printable(profile.name)}' has '{profile.needs_botocore}', which needs botocore",
            "install it with: pip install 'dvcexp[s3-profiles]', or ./install.sh --with s3-profiles",
        ) from None
    session = botocore.session.Session(profile=profile.name)
    session.set_config_variable("credentials_file", os.path.expanduser(profile.files[0]))
    session.set_config_variable("config_file", os.path.expanduser(profile.files[1]))
    session.set_config_variable("region", region)
    again = f"look at it with: aws sts get-caller-identity --profile {profile.name}"
    if any(key.startswith("sso_") for key in profile.values):
        again = f"log in with: aws sso login --profile {profile.name}"

    def provide() -> S3Credential:
        try:
            credentials = session.get_credentials()
            if credentials is None:
                raise ConfigError(f"the AWS profile '{printable(profile.name)}' gives no credentials", again)
            frozen = credentials.get_frozen_credentials()  # renewed when they are about to expire
        except BotoCoreError as error:
            # Only the kind of error: its text may quote what a credential process printed.
            cause = f"the AWS profile '{printable(profile.name)}' gives no credentials ({type(error).__name__})"
            raise ConfigError(cause, again) from None
        return {
            "access_key_id": frozen.access_key,
            "secret_access_key": frozen.secret_key,
            "token": frozen.token,
            "expires_at": datetime.now(timezone.utc) + _ASK_AGAIN,
        }

    provide()  # in this thread, so that prompts and errors come out of the user's command, not out of a pool
    return provide
