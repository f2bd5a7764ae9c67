"""S3 and what is compatible with it: DVC's options -> obstore's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlunsplit

from dvcexp.errors import ConfigError
from dvcexp.remotes.aws_config import Profile, botocore_provider, read_profile
from dvcexp.remotes.base import AccessDenied, Remote
from dvcexp.remotes.objectstore import RETRY, ObjectStoreRemote, Stores, Words, making_a_store, timeouts, trust
from dvcexp.remotes.options import Options, bucket_and_prefix, split

if TYPE_CHECKING:
    from obstore.store import S3CredentialProvider

_GRANTS = {
    "grant_full_control": "x-amz-grant-full-control",
    "grant_read": "x-amz-grant-read",
    "grant_read_acp": "x-amz-grant-read-acp",
    "grant_write_acp": "x-amz-grant-write-acp",
}
_INSTANCE = ("169.254.169.254", 80)  # EC2's metadata service, the last place where credentials may come from
_INSTANCE_ANSWERS_WITHIN = 1.0  # botocore's
_ELSEWHERE = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_METADATA_ENDPOINT",
)


class Identity(NamedTuple):
    """Who we are: obstore's config, or a provider that is asked for credentials; neither: obstore looks around."""

    config: Mapping[str, str]
    provider: S3CredentialProvider | None = None


def open(name: str, url: str, options: Mapping[str, str], jobs: int | None = None) -> Remote:
    """The remote at `s3://<bucket>/<path>`."""
    from obstore.store import S3Store

    given = Options(name, url, options)
    bucket, prefix = bucket_and_prefix(given, url, "bucket")
    profile_name, credentials, config_file = (
        given.text("profile"),
        given.text("credentialpath"),
        given.text("configpath"),
    )
    profile = read_profile(profile_name, credentials, config_file, os.environ)
    region = _region(given, profile, bucket)
    identity = _identity(given, profile, profile_name is not None, region)
    place, http = _place(given, profile, bucket, region)
    client = trust(given, os.environ.get("AWS_CA_BUNDLE") or profile.values.get("ca_bundle"))
    connect, read = given.seconds("connect_timeout"), given.seconds("read_timeout")
    given.flag("listobjects")  # has no effect in DVC either: it is from the days of the first listing API
    encryption, headers = _encryption(given), _access_headers(given)
    given.done()
    config = {**place, **encryption, **identity.config}

    def store(**options: object) -> S3Store:
        return S3Store(
            bucket,
            config=config,  # type: ignore[arg-type]  # a TypedDict, filled by key here
            client_options={**client, "allow_http": http, **options},  # type: ignore[arg-type]
            retry_config=RETRY,
            credential_provider=identity.provider,
        )

    with making_a_store(given):
        reading = store(**timeouts(connect, read, request="7d"))
        writing = store(**timeouts(connect, 0, request="30 min"), default_headers=headers)
    words = Words(
        "bucket",
        f"make the bucket, or name the right one: dvc remote modify {name} url s3://<bucket>/<path>"
        + ("" if region is None else f"; or its region: dvc remote modify {name} region <region>"),
        f"set credentials with: dvc remote modify --local {name} access_key_id <key id>, "
        f"dvc remote modify --local {name} secret_access_key <key>; or: dvc remote modify {name} profile <profile>; "
        "they need s3:ListBucket, s3:GetObject and s3:PutObject",
        _renewal(given, profile),
    )
    return ObjectStoreRemote(name, given.url, jobs, Stores(reading, writing), prefix, words)


def _identity(given: Options, profile: Profile, profile_chosen: bool, region: str | None) -> Identity:
    """In botocore's order: options, environment unless a profile is chosen, profile, container or instance."""
    key, secret, token = given.text("access_key_id"), given.text("secret_access_key"), given.text("session_token")
    if given.flag("allow_anonymous_login"):
        return Identity({"skip_signature": "true"})
    if (key is None) != (secret is None):
        lacking = "access_key_id" if key is None else "secret_access_key"
        raise ConfigError(
            f"DVC remote '{given.name}': option '{lacking}' is missing beside its other half",
            f"set it with: dvc remote modify --local {given.name} {lacking} <value>",
        )
    if key is not None and secret is not None:
        return _only({"access_key_id": key, "secret_access_key": secret, "session_token": token or ""})
    if not profile_chosen and os.environ.get("AWS_ACCESS_KEY_ID") and os.environ.get("AWS_SECRET_ACCESS_KEY"):
        return Identity({})  # read by obstore
    if profile.keys is not None:
        return _only(profile.keys)
    if profile.needs_botocore is not None:
        return Identity({}, botocore_provider(profile, region or "us-east-1"))
    if profile_chosen:
        raise ConfigError(
            f"DVC remote '{given.name}': the AWS profile '{profile.name}' has no credentials",
            f"set them with: aws configure --profile {profile.name}",
        )
    _require_somebody_to_ask(given)
    return Identity({})


def _renewal(given: Options, profile: Profile) -> str:
    """The next step when the credentials have expired, which only temporary ones do."""
    if given.named("access_key_id"):
        modify = f"dvc remote modify --local {given.name}"
        return f"get new ones, and set all three: {modify} access_key_id, secret_access_key, session_token <value>"
    if os.environ.get("AWS_ACCESS_KEY_ID") and not given.named("profile"):
        return "get new ones, and set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to them"
    return f"log in again, by 'aws sso login --profile {profile.name}' for one"


def _only(keys: Mapping[str, str]) -> Identity:
    """These keys as they are: a session token in the environment belongs to others."""

    def provide() -> dict[str, object]:
        return {
            "access_key_id": keys["access_key_id"],
            "secret_access_key": keys["secret_access_key"],
            "token": keys.get("session_token") or None,
            "expires_at": None,
        }

    return Identity({}, provide)  # type: ignore[arg-type]


def _require_somebody_to_ask(given: Options) -> None:
    """Say so at once where no credentials can be had: obstore would wait for a metadata service that is not there."""
    if any(os.environ.get(variable) for variable in _ELSEWHERE):
        return
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        import socket

        try:
            socket.create_connection(_INSTANCE, _INSTANCE_ANSWERS_WITHIN).close()
            return
        except OSError:
            pass
    raise AccessDenied(
        given.name,
        given.url,
        "there are no AWS credentials: not in DVC's config, not in the environment, not in ~/.aws",
        f"set them with: aws configure; or: dvc remote modify --local {given.name} access_key_id <key id>, "
        f"dvc remote modify --local {given.name} secret_access_key <key>",
        f"for a public bucket: dvc remote modify {given.name} allow_anonymous_login true",
    )


def _region(given: Options, profile: Profile, bucket: str) -> str | None:
    """As configured, else the bucket's own; None where that does not matter."""
    look_up = given.flag("cache_regions", default=True)
    chosen = given.text("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    chosen = chosen or profile.values.get("region")
    if chosen or not look_up or _endpoint(given, profile):
        return chosen
    return _bucket_region(bucket)


def _bucket_region(bucket: str) -> str | None:
    """S3 tells anybody where a bucket is, whatever else it answers."""
    import urllib.error
    import urllib.request

    request = urllib.request.Request(f"https://s3.amazonaws.com/{bucket}", method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            headers = response.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    except OSError:
        return None  # the first real request says what is wrong with the network
    region: str | None = headers.get("x-amz-bucket-region")
    return region


def _endpoint(given: Options, profile: Profile) -> str | None:
    environ = os.environ
    chosen = given.peek("endpointurl") or environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL")
    return chosen or profile.values.get("endpoint_url")


def _place(given: Options, profile: Profile, bucket: str, region: str | None) -> tuple[dict[str, str], bool]:
    """Where the bucket is, and whether the way there may be plain HTTP."""
    endpoint = _endpoint(given, profile)
    given.text("endpointurl")
    secure = given.flag("use_ssl", default=True)
    config = {"region": region or "us-east-1"}
    if endpoint is None and not secure:
        endpoint = f"http://s3.{config['region']}.amazonaws.com"
    if endpoint is None:
        return config, False
    parts = split(endpoint if "://" in endpoint else f"{'https' if secure else 'http'}://{endpoint}")
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        raise ConfigError(
            f"DVC remote '{given.name}': option 'endpointurl' is not the http(s) URL of a server",
            f"set it with: dvc remote modify {given.name} endpointurl https://<host>",
        )
    if profile.s3.get("addressing_style") == "virtual":
        parts = parts._replace(netloc=f"{bucket}.{parts.netloc}")
        config["virtual_hosted_style_request"] = "true"
    config["aws_endpoint_url_s3"] = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return config, parts.scheme == "http"


def _encryption(given: Options) -> dict[str, str]:
    sse, kms_key = given.text("sse"), given.text("sse_kms_key_id")
    algorithm, customer_key = given.text("sse_customer_algorithm"), given.text("sse_customer_key")
    if algorithm not in (None, "AES256"):
        raise given.unsupported("sse_customer_algorithm", "can only be AES256")
    if customer_key is not None:
        if sse is not None or kms_key is not None:
            raise given.unsupported("sse_customer_key", "excludes sse and sse_kms_key_id")
        return {"server_side_encryption": "sse-c", "sse_customer_key_base64": customer_key}
    if algorithm is not None:
        raise given.unsupported("sse_customer_algorithm", "means nothing without sse_customer_key")
    if sse is None and kms_key is None:
        return {}
    sse = sse or "aws:kms"
    if sse not in ("AES256", "aws:kms", "aws:kms:dsse"):
        raise given.unsupported("sse", "can be AES256, aws:kms or aws:kms:dsse")
    if kms_key is None:
        return {"server_side_encryption": sse}
    if sse == "AES256":
        raise given.unsupported("sse_kms_key_id", "means nothing with sse = AES256")
    return {"server_side_encryption": sse, "sse_kms_key_id": kms_key}


def _access_headers(given: Options) -> dict[str, str]:
    """Headers that say who may read what is uploaded; they are signed with the rest."""
    acl = given.text("acl")
    headers = {"x-amz-acl": acl} if acl else {}
    for option, header in _GRANTS.items():
        grant = given.text(option)
        if grant is None:
            continue
        if acl is not None:
            raise given.unsupported(option, "excludes acl")
        headers[header] = grant
    return headers
