#!/bin/sh
# Installs dvcexp for one user, in an environment of its own; run it again to upgrade.
#
#   ./install.sh                   install
#   ./install.sh --repo DIR        install, and switch it on in the repository DIR ('git exp install')
#   ./install.sh --with EXTRAS     install with libraries for more kinds of DVC remotes or logins, as 'azure,s3-profiles';
#                                  an upgrade keeps them
#   ./install.sh --demo            install, then show the main job in a temporary folder
#   ./install.sh --uninstall       take everything back (with --repo DIR: switch it off there first)
#
# The environment goes to ${XDG_DATA_HOME:-~/.local/share}/dvcexp, links to the commands, the manual pages and the
# completions for bash, zsh and fish below ${PREFIX:-~/.local}. PYTHON names the Python to use. What is there works on until the new version is complete: it
# then takes over at once, by the link 'current'.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
data=${XDG_DATA_HOME:-$HOME/.local/share}/dvcexp
prefix=${PREFIX:-$HOME/.local}
bin=$prefix/bin
shared='man/man1 bash-completion/completions zsh/site-functions fish/vendor_conf.d'
commands='git-exp git-remote-dvcexp'

error() {
    printf 'error: %s\n' "$1" >&2
    shift
    [ $# = 0 ] || printf 'hint: %s\n' "$@" >&2
    exit 1
}

usage() {
    sed -n '2,/^set -eu/s/^# \{0,1\}//p' "$0"
}

find_python() {
    for candidate in "${PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11 python3.10; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
        [ -z "${PYTHON:-}" ] || break
    done
    error "dvcexp needs Python 3.10 or newer, and '${PYTHON:-python3}' is not" \
        "install one, or name it: PYTHON=/path/to/python3 ./install.sh"
}

check_git() {
    said=$(git version 2>/dev/null) || error "Git is not on PATH" "install it first, on Debian: sudo apt install git"
    major=$(printf %s "$said" | sed -n '1s/^[^0-9]*\([0-9]\{1,\}\)\.[0-9].*/\1/p')
    minor=$(printf %s "$said" | sed -n '1s/^[^0-9]*[0-9]\{1,\}\.\([0-9]\{1,\}\).*/\1/p')
    if [ "${major:-0}" -lt 2 ] || { [ "$major" = 2 ] && [ "$minor" -lt 30 ]; }; then
        error "dvcexp needs Git 2.30 or newer, and '$(command -v git)' is '$said'" \
            "install a newer one, or put its folder first on PATH, then run this again"
    fi
}

check_extras() {
    [ -n "$extras" ] || extras=$(cat "$data/current/extras" 2>/dev/null || true)
    known=$(sed -n '/^\[project.optional-dependencies\]/,/^\[project.scripts\]/s/^\([a-z][a-z0-9-]*\) = .*/\1/p' \
        "$here/pyproject.toml" | grep -vx -e test -e servers -e fuzz | tr '\n' ' ')
    for extra in $(printf %s "$extras" | tr , ' '); do
        case " $known" in
        *" $extra "*) ;;
        *) error "there is no extra '$extra'" "there are: $known" ;;
        esac
    done
}

# ---- the new version, built beside the one in use ----

build() {
    python=$(find_python)
    mkdir -p "$data/versions"
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/pyproject.toml")
    new=$(mktemp -d "$data/versions/$version-XXXXXX")
    source=$new/source
    trap 'rm -rf "$new"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' HUP TERM
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        error "'$python' cannot make environments: it lacks the module venv or ensurepip" \
            "on Debian: sudo apt install $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    printf 'installing dvcexp into %s\n' "$data"
    "$python" -m venv "$new"
    # Built from a copy: the build leaves files behind, and the sources may be read-only or another user's.
    mkdir -p "$source/docs"
    (cd "$here" && cp -RP pyproject.toml README.md LICENSE lib hooks "$source/" && cp -RP docs/man "$source/docs/")
    "$new/bin/python" -m pip install --quiet --disable-pip-version-check "$source${extras:+[$extras]}" ||
        error "pip could not install dvcexp and what it needs; what was installed before is unchanged"
    rm -rf "$source"
    printf %s "$extras" >"$new/extras"
    quick_start
    "$new/bin/git-exp" --version >/dev/null || error "the new version does not start; what was installed before is unchanged"
}

# Git starts the helper for every push and fetch. Python's start is much of what that costs, and a third of it goes into
# looking for what an environment of ours does not have: user sites, .pth files. Paths that a '#!' line cannot hold
# keep the scripts that pip wrote.
quick_start() {
    "$new/bin/python" - "$new" <<'END'
import os, re, sys, sysconfig

new = sys.argv[1]
site = sysconfig.get_path("purelib")
for command, module in (("git-exp", "dvcexp.cli"), ("git-remote-dvcexp", "dvcexp.helper")):
    interpreter = f"{new}/bin/python"
    if len(interpreter) > 110 or not re.fullmatch(r"[\w./+@%-]+", interpreter):
        continue
    path = f"{new}/bin/{command}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!{interpreter} -IS\n")
        file.write(f"import sys\n\nsys.path.append({site!r})\n\nfrom {module} import main\n\nmain()\n")
    os.chmod(path, 0o755)
END
}

# ---- taking over ----

switch_over() {
    previous=$(readlink "$data/current" || true)
    : >"$new/complete"
    ln -s "versions/${new##*/}" "$data/current.${new##*/}"
    # rename(2) puts the new link in the place of the old one; no mv of POSIX does that to a link to a folder.
    "$new/bin/python" -c 'import os, sys; os.replace(*sys.argv[1:])' "$data/current.${new##*/}" "$data/current"
    trap - EXIT
    remove_old_versions
}

# The version before stays until the next upgrade: a push that started from it may still be running. Incomplete ones are
# another install at work, unless they are old.
remove_old_versions() {
    for folder in "$data"/versions/*; do
        case versions/${folder##*/} in
        "versions/${new##*/}" | "$previous") continue ;;
        esac
        if [ -e "$folder/complete" ] || [ -n "$(find "$folder" -prune -mtime +1)" ]; then
            rm -rf "$folder"
        fi
    done
}

is_ours() { # <link>
    case $(readlink "$1") in
    "$data"/*) return 0 ;;
    *) return 1 ;;
    esac
}

link() { # <folder> <target>
    path=$1/${2##*/}
    if is_ours "$path"; then
        :
    elif [ -e "$path" ] || [ -L "$path" ]; then
        error "'$path' is not from this installer" "remove it, then run this again"
    fi
    mkdir -p "$1"
    ln -sf "$2" "$path"
}

link_everything() {
    for command in $commands; do
        link "$bin" "$data/current/bin/$command"
    done
    for folder in $shared; do
        for file in "$data/current/share/$folder"/*; do
            [ ! -e "$file" ] || link "$prefix/share/$folder" "$file"
        done
    done
    remove_links dead
}

remove_links() { # all|dead
    for folder in bin $(printf 'share/%s ' $shared); do
        for path in "$prefix/$folder"/*; do
            if [ -L "$path" ] && is_ours "$path" && { [ "$1" = all ] || [ ! -e "$path" ]; }; then
                rm "$path"
            fi
        done
    done
}

check_links() {
    for command in $commands; do
        path=$bin/$command
        if { [ -e "$path" ] || [ -L "$path" ]; } && ! is_ours "$path"; then
            error "'$path' is not from this installer" "remove it, then run this again"
        fi
    done
}

path_hint() {
    case :$PATH: in
    *:"$bin":*) ;;
    *) printf "hint: '%s' is not on PATH, so Git does not find the commands: put this into your shell's start-up file\nhint: export PATH=\"%s:\$PATH\"\n" "$bin" "$bin" ;;
    esac
}

# ---- the whole ----

install() {
    check_git
    check_extras
    check_links
    build
    switch_over
    link_everything
    printf 'installed %s\n' "$("$bin/git-exp" --version)"
    path_hint
}

in_repository() { # <DIR> <verb>
    PATH=$bin:$PATH git -C "$1" exp "$2"
}

uninstall() {
    if [ -x "$bin/git-exp" ] && is_ours "$bin/git-exp"; then
        [ -z "$repo" ] || in_repository "$repo" uninstall
        "$bin/git-exp" uninstall --global
    fi
    remove_links all
    rm -rf "$data"
    printf 'dvcexp is uninstalled\n'
    printf "repositories where 'git exp install' was run keep its settings; without dvcexp, take them back by hand:\n"
    printf '  git config --unset remote.origin.vcs; rm .git/hooks/pre-push\n'
}

action=install
repo=
extras=
demo=
while [ $# -gt 0 ]; do
    case $1 in
    --repo | --with)
        [ $# -gt 1 ] || error "'$1' needs a value" "./install.sh --help"
        if [ "$1" = --repo ]; then repo=$2; else extras=$2; fi
        shift
        ;;
    --repo=*) repo=${1#*=} ;;
    --with=*) extras=${1#*=} ;;
    --demo) demo=yes ;;
    --uninstall) action=uninstall ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) error "unknown argument '$1'" "./install.sh --help" ;;
    esac
    shift
done
[ -z "$repo" ] || [ -d "$repo" ] || error "no folder '$repo'"

"$action"
if [ "$action" = install ]; then
    [ -z "$repo" ] || in_repository "$repo" install
    [ -z "$demo" ] || PATH=$bin:$PATH "$here/tests/demo"
fi
