"""The tables of docs/transports.md, made from the tests. `python -m tests.support.transport_tables` writes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.support.git_operations import OPERATIONS, not_here
from tests.support.git_worlds import TRANSPORTS

DOCUMENT = Path(__file__).parents[2] / "docs" / "transports.md"
TESTS = Path(__file__).parents[1] / "e2e" / "transports"


class Feature(NamedTuple):
    """Something that has tests of its own. tests: `<file without test_ and .py>::<name>`, classes included."""

    title: str
    ours: str
    transports: str
    tests: tuple[str, ...]


STREAMS = "each kind of conversation: v2 and v0 streams, v2 and v0 of http, lines"
FEATURES = [
    Feature(
        "data cannot be uploaded: push refused",
        "our error names the cause, Git's report the refs; the server sees a clean end, other refs go",
        "all that push",
        (
            "refusals::test_nothing_is_pushed_and_both_git_and_we_say_why",
            "refusals::test_the_other_refs_of_the_push_go",
        ),
    ),
    Feature(
        "the same with `--atomic`",
        "nothing goes",
        "file, ssh, http",
        ("refusals::test_an_atomic_push_goes_as_a_whole_or_not_at_all",),
    ),
    Feature(
        "signed push (`--signed`)",
        "the certificate arrives as it was; refused as a whole",
        "file, ssh, http (there Git's own helper signs, what is refused is left out)",
        ("refusals::TestSignedPush",),
    ),
    Feature(
        "DVC's own refs (`refs/exps/exec`, `stash`, ...) in a push",
        "they stay here, with one line that says so; deleting them works",
        "all that push",
        ("refusals::test_dvcs_own_refs_are_not_shared",),
    ),
    Feature("`DVCEXP_SKIP=1`", "refs only, as Git alone", "file, http", ("refusals::test_skipping_moves_refs_only",)),
    Feature(
        "data cannot be downloaded: fetch fails, again and again until it can",
        "no ref is updated, also where Git skips the transfer because it has the commits",
        "all",
        ("retries::test_no_ref_is_updated_until_the_data_is_here",),
    ),
    Feature("the same in `clone`", "no clone is left", "all", ("retries::test_a_clone_with_experiments_fails_whole",)),
    Feature(
        "commits that are here by another way",
        "their data comes when they become experiments",
        STREAMS,
        ("retries::test_a_commit_that_is_here_by_another_way_brings_its_data_when_it_becomes_an_experiment",),
    ),
    Feature(
        "`ls-remote`, `remote show`, branches, after a failed download",
        "no data, no failure",
        STREAMS,
        (
            "retries::test_looking_at_the_remote_after_a_failed_fetch_moves_no_data",
            "retries::test_fetching_branches_is_not_held_up_by_experiments",
        ),
    ),
    Feature(
        "objects that the DVC remote does not have",
        "a warning; the fetch goes on",
        STREAMS,
        ("retries::test_an_object_that_nobody_has_is_named_and_holds_up_nobody",),
    ),
    Feature(
        "`dvcexp::<url>`, with and without a named remote",
        "as `vcs`; the URL behind it is rewritten as if it stood alone",
        "path, file, ssh, scp-like, git, http, dumb http",
        ("urls::TestPrefix",),
    ),
    Feature(
        "`pushurl`, several push URLs, `insteadOf`, `pushInsteadOf`, relative paths",
        "Git's own",
        "file",
        ("urls::TestConfiguredUrls",),
    ),
    Feature(
        "`--upload-pack`, `remote.<name>.uploadpack` and `receivepack`",
        "run as Git runs them",
        "file, ssh",
        ("urls::TestConfiguredUrls::test_the_services_of_the_other_side_can_be_named",),
    ),
    Feature(
        "`-4`, `-6`, `core.gitProxy`, `-v`",
        "as Git",
        "git",
        (
            "urls::TestConfiguredUrls::test_a_family_is_asked_for_as_git_asks",
            "urls::TestConfiguredUrls::test_a_proxy_for_the_git_protocol_is_used",
        ),
    ),
    Feature(
        "protocol policy, options in disguise, submodules, a clean environment for the other side",
        "Git's rules for the URL that is nested in ours",
        "file, ssh, ext",
        ("urls::TestPolicy",),
    ),
    Feature(
        "bundle files, SHA-256, `--shared`, bare, `--git-dir`",
        "data first; a bare repository keeps none",
        "file; SHA-256 also over v0, ssh, http v2 and v0",
        ("urls::TestOtherRepositories",),
    ),
    Feature(
        "connection dies, or waits long, while data is uploaded",
        "another is made; if the remote moved meanwhile, the push is refused with that reason",
        "git, ssh; over http nothing waits",
        ("interruptions::TestLongUploads", "interruptions::TestLongUploadsOverHttp"),
    ),
    Feature(
        "Ctrl-C; Git killed alone",
        "the upload ends, nothing is pushed, no traceback",
        "file, ssh, http",
        ("interruptions::TestInterruption",),
    ),
    Feature(
        "connections cut at any point, refused, no authentication, server errors, no Git server at all",
        "as Git; repeating the command goes on",
        "git, ssh, http",
        ("interruptions::TestBrokenConnections",),
    ),
    Feature(
        "following the team (`git exp install --follow`)",
        "experiments are made once their data is here; pruning takes none",
        "file, file v0, ssh, http, http v0",
        ("following::test_a_fetch_makes_the_teams_experiments_with_their_data",),
    ),
    Feature(
        "start-up without experiments",
        "nothing that deals with data is imported",
        "file, file v0, ssh, http, http v0, ext",
        ("startup::test_branches_are_fetched_listed_and_pushed_without_what_deals_with_data",),
    ),
    Feature(
        "passwords in URLs",
        "in no message, no trace",
        "http",
        ("urls::TestSecrets",),
    ),
    Feature(
        "CAs, client certificates, credential helpers, proxies, headers, cookies; each for one URL alone too",
        "Git's own: the server sees the same requests, a credential helper the same questions",
        "https; a proxy also http",
        (
            "https::test_a_ca_of_ones_own",
            "https::test_a_client_certificate",
            "https::test_a_header_and_cookies",
            "https::TestCredentials",
            "https::test_a_proxy_leads_to_a_host_that_only_it_finds",
        ),
    ),
    Feature(
        "ssh agents, jump hosts, shared connections",
        "the user's OpenSSH is what runs",
        "ssh",
        (
            "ssh::test_a_key_that_only_the_agent_has",
            "ssh::test_a_host_behind_another",
            "ssh::test_one_connection_for_all_commands",
        ),
    ),
    Feature(
        "helpers that others wrote, in lines alone, with options or without",
        "data first; refused with `error <ref>`, which the helper does not hear of; `-q` is obeyed",
        "`<name>::`, `<name>://`",
        (
            "line_helper::test_it_is_as_with_git_alone",
            "line_helper::test_an_experiment_without_data_is_refused_and_the_other_refs_go",
            "line_helper::test_no_ref_is_updated_until_the_data_is_here",
            "line_helper::test_quietly_nothing_is_said_be_it_told_of_options_or_not",
        ),
    ),
    Feature(
        "`--progress`",
        "Git's meters, with the same counts",
        "file, ssh, http, http v0, ext",
        ("progress::test_they_are_shown_through_the_helper_too",),
    ),
    Feature(
        "submodules behind `dvcexp::`: clone, update, fetch that recurses; relative URLs",
        "Git's own, once `protocol.dvcexp.allow` is `always`; experiments come with their data",
        "http",
        (
            "submodules::test_a_clone_and_its_updates_are_as_with_git_alone",
            "submodules::test_it_is_refused_unless_the_user_has_allowed_it",
            "submodules::test_a_fetch_that_recurses_brings_the_submodules_experiments",
        ),
    ),
]


def operations_table() -> str:
    """Every operation on every transport: `=` as Git alone, refs, exit code and words; `-` where Git cannot."""
    names = [transport.name for transport in TRANSPORTS]
    rows = [["operation", "data", *names], ["---"] * (len(names) + 2)]
    for operation in OPERATIONS:
        cells = [f"- ({reason})" if (reason := not_here(operation, t)) else "=" for t in TRANSPORTS]
        rows.append([operation.title, operation.data, *cells])
    return _markdown(rows)


def features_table() -> str:
    """What has tests of its own."""
    rows = [["feature", "what we do", "tested over", "tests"], ["---"] * 4]
    for feature in FEATURES:
        tests = ", ".join(f"`test_{test}`".replace("::", ".py::", 1) for test in feature.tests)
        rows.append([feature.title, feature.ours, feature.transports, tests])
    return _markdown(rows)


def with_tables(text: str) -> str:
    """The document with its tables as they should be."""
    for name, table in (("operations", operations_table()), ("features", features_table())):
        text = re.sub(
            rf"(<!-- {name}: made by the tests -->\n).*?(<!-- end -->)",
            lambda match, table=table: match[1] + table + match[2],
            text,
            flags=re.DOTALL,
        )
    return text


def _markdown(rows: list[list[str]]) -> str:
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


if __name__ == "__main__":
    DOCUMENT.write_text(with_tables(DOCUMENT.read_text()))
