"""Azure Blob Storage: DVC's options -> obstore's."""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from dvcexp.errors import ConfigError, printable
from dvcexp.remotes.base import AccessDenied, Remote
from dvcexp.remotes.objectstore import RETRY, ObjectStoreRemote, Stores, Words, making_a_store, timeouts
from dvcexp.remotes.options import Options, bucket_and_prefix, split

if TYPE_CHECKING:
    from obstore.store import AzureCredentialProvider

# DVC's option -> its name to `az`: AZURE_STORAGE_<NAME> in the environment, <name> in section [storage] of its file.
_AZ_NAMES = {
    "connection_string": "connection_string",
    "account_name": "account",
    "account_key": "key",
    "sas_token": "sas_token",
}
# The names that the library under DVC reads beside them.
_OTHER_VARIABLES = {
    "account_name": "AZURE_STORAGE_ACCOUNT_NAME",
    "account_key": "AZURE_STORAGE_ACCOUNT_KEY",
    "tenant_id": "AZURE_STORAGE_TENANT_ID",
    "client_id": "AZURE_STORAGE_CLIENT_ID",
    "client_secret": "AZURE_STORAGE_CLIENT_SECRET",
}
_EXCLUDED = (
    "exclude_environment_credential",
    "exclude_visual_studio_code_credential",
    "exclude_shared_token_cache_credential",
    "exclude_managed_identity_credential",
)
_SCOPE = "https://storage.azure.com/.default"
_EMULATOR = {
    "accountname": "devstoreaccount1",
    # The same in every emulator, published by Microsoft: no secret.
    "accountkey": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "blobendpoint": "http://127.0.0.1:10000/devstoreaccount1",
}
_PAGE = 5000


class Account(NamedTuple):
    """A storage account: where it is, and who we are to it, by obstore's names or through a provider."""

    name: str
    endpoint: str
    identity: Mapping[str, str]
    provider: AzureCredentialProvider | None = None

    @property
    def until(self) -> datetime | None:
        """When its SAS, if it has one, expires."""
        from urllib.parse import parse_qs

        said = parse_qs(self.identity.get("sas_key", "")).get("se", [""])[0]
        try:
            until = datetime.fromisoformat(said.replace("Z", "+00:00"))
        except ValueError:
            return None
        return until if until.tzinfo is not None else until.replace(tzinfo=timezone.utc)


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `azure://<container>/<path>`; no container in the URL stands for the one that `az` is set to."""
    from obstore.store import AzureStore

    given = Options(name, url, options)
    settings = _Settings(given)
    if not url.split("://", 1)[1].partition("/")[0] and (container := settings.default("container_name")):
        url = f"azure://{container}/{url.split('://', 1)[1].lstrip('/')}"
    container, prefix = bucket_and_prefix(given, url, "container")
    account = _account(given, settings)
    connect, read = given.seconds("connection_timeout"), given.seconds("read_timeout")
    request = given.seconds("timeout")
    given.done()
    config = {
        "account_name": account.name,
        "container_name": container,
        "endpoint": account.endpoint,
        **account.identity,
    }

    def store(**client_options: object) -> AzureStore:
        return AzureStore(
            config=config,  # type: ignore[arg-type]  # a TypedDict, filled by key here
            client_options={**client_options, "allow_http": account.endpoint.startswith("http://")},  # type: ignore[arg-type]
            retry_config=RETRY,
            credential_provider=account.provider,
        )

    with making_a_store(given):
        reading = store(**timeouts(connect, read, request="7d"))
        writing = store(**timeouts(connect, 0, request=f"{request:.0f} s" if request else "30 min"))
    words = Words(
        "container",
        f"make the container, or name the right one: dvc remote modify {name} url azure://<container>/<path>",
        f"set credentials with: dvc remote modify --local {name} connection_string <string>, or account_key, or "
        "sas_token (which must allow to read, write, create and list)",
        f"get new ones: dvc remote modify --local {name} sas_token <token>, or connection_string <string>",
        account.until,
    )
    return ObjectStoreRemote(name, given.url, jobs, Stores(reading, writing), prefix, words, _PAGE)


class _Settings:
    """An option from DVC's config, else from the environment, else from the file of `az`; as DVC looks for it."""

    def __init__(self, given: Options) -> None:
        self._given = given
        folder = os.environ.get("AZURE_CONFIG_DIR") or os.path.expanduser("~/.azure")
        self._file = configparser.RawConfigParser(strict=False)
        try:
            self._file.read(os.path.join(folder, "config"), encoding="utf-8")
        except (UnicodeError, configparser.Error):  # its text may hold a key: not to be quoted
            raise ConfigError(f"'{printable(folder)}/config' is not a valid Azure CLI configuration file") from None

    def text(self, option: str) -> str | None:
        own = self._given.text(option)
        if own is not None or option not in _AZ_NAMES | _OTHER_VARIABLES:
            return own
        default = self.default(_AZ_NAMES[option]) if option in _AZ_NAMES else None
        return default or os.environ.get(_OTHER_VARIABLES.get(option, ""))

    def default(self, name: str) -> str | None:
        """What `az` is set to."""
        variable = os.environ.get(f"AZURE_STORAGE_{name.upper()}")
        return variable or self._file.get("storage", name, fallback=None)


def _account(given: Options, settings: _Settings) -> Account:
    string = settings.text("connection_string")
    name, key, sas = settings.text("account_name"), settings.text("account_key"), settings.text("sas_token")
    principal = {option: settings.text(option) for option in ("tenant_id", "client_id", "client_secret")}
    anonymous = given.flag("allow_anonymous_login")
    excluded = {option: given.flag(option) for option in _EXCLUDED}
    if string is not None:
        parts = _connection_string(given, string)
        name, endpoint = parts.get("accountname", name or ""), parts.get("blobendpoint", "")
        key, sas = parts.get("accountkey"), parts.get("sharedaccesssignature")
        if not endpoint:
            scheme = parts.get("defaultendpointsprotocol", "https")
            endpoint = f"{scheme}://{name}.blob.{parts.get('endpointsuffix', 'core.windows.net')}"
        name = name or (split(endpoint).hostname or "").partition(".")[0]
    elif name is None:
        raise AccessDenied(
            given.name,
            given.url,
            "neither account_name nor connection_string is set",
            f"set one with: dvc remote modify {given.name} account_name <account>",
        )
    else:
        endpoint = os.environ.get("AZURE_STORAGE_ENDPOINT") or f"https://{name}.blob.core.windows.net"
    if key is not None:
        return Account(name, endpoint, {"account_key": key, "credential_type": "access_key"})
    if sas is not None:
        return Account(name, endpoint, {"sas_key": sas.lstrip("?"), "credential_type": "sas_token"})
    if string is None and all(principal.values()):
        given_ids = {option: str(value) for option, value in principal.items()}
        return Account(name, endpoint, {**given_ids, "credential_type": "client_secret"})
    if anonymous or string is not None:
        return Account(name, endpoint, {"skip_signature": "true"})
    for option, value in principal.items():
        if value is not None and given.named(option):
            lacking = ", ".join(other for other, found in principal.items() if found is None)
            raise ConfigError(
                f"DVC remote '{given.name}': option '{option}' means nothing without {lacking}",
                f"set it with: dvc remote modify --local {given.name} <option> <value>",
            )
    return Account(name, endpoint, {}, _default_credentials(given, excluded))


def _connection_string(given: Options, string: str) -> dict[str, str]:
    """`Key=value;...`, keys in lower case; the value may hold `=`."""
    pairs = [part.partition("=") for part in string.split(";") if part.strip()]
    parts = {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        return _EMULATOR
    if "accountname" not in parts and "blobendpoint" not in parts:
        raise ConfigError(
            f"DVC remote '{printable(given.name)}': option 'connection_string' has no AccountName and no BlobEndpoint",
            "copy it anew from the portal, or: az storage account show-connection-string --name <account>",
        )
    return parts


def _default_credentials(given: Options, excluded: Mapping[str, bool]) -> AzureCredentialProvider:
    """The chain of azure-identity: environment, workload, managed identity, `az login`, ... as DVC asks it."""
    try:
        from azure.core.exceptions import ClientAuthenticationError
        from azure.identity import DefaultAzureCredential
    except ImportError:
        raise ConfigError(
            f"DVC remote '{printable(given.name)}': without a key or a token the login of this machine is used, "
            "which needs azure-identity",
            "install it with: pip install 'dvcexp[azure]', or ./install.sh --with azure",
            f"or give a key: dvc remote modify --local {given.name} account_key <key>",
        ) from None
    import logging

    logging.getLogger("azure.identity").setLevel(logging.CRITICAL)  # a warning for each way that leads nowhere
    chain = DefaultAzureCredential(exclude_interactive_browser_credential=False, **excluded)

    def provide() -> dict[str, Any]:
        try:
            token = chain.get_token(_SCOPE)
        except ClientAuthenticationError:
            raise AccessDenied(
                given.name, given.url, "no login of this machine is good for Azure storage", "log in with: az login"
            ) from None
        return {"token": token.token, "expires_at": datetime.fromtimestamp(token.expires_on, timezone.utc)}

    return provide  # type: ignore[return-value]
