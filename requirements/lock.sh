#!/bin/sh
# Resolves pyproject.toml into the locks beside this file. Usage: requirements/lock.sh PATH_TO_UV [--upgrade]
#   production: what the image installs, documents too   embedded: plus engine and broker   dev: plus tests and lint
#   bench: plus what benchmarks compare with
set -eu
uv=$1
shift
cd "$(dirname "$0")/.."
compile() {
    out=requirements/$1.lock
    shift
    "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-find-links --no-emit-index-url \
        --custom-compile-command "make lock" --output-file "$out" "$@"
}
echo 'setuptools>=77' | compile build "$@" -
# The widest set first: the smaller ones take their versions from it.
compile dev "$@" pyproject.toml --extra documents --extra embedded --extra web --extra dev -c requirements/build.lock
compile embedded "$@" pyproject.toml --extra documents --extra embedded --extra web -c requirements/dev.lock
# In an environment of its own: quixstreams does not bear the pydantic that is locked; all else is the same.
same=$(mktemp)
trap 'rm -f "$same"' EXIT
grep -E '^[a-z0-9].*==' requirements/embedded.lock | grep -v '^pydantic' | sed 's/ \\$//' > "$same"
compile bench "$@" pyproject.toml --extra documents --extra embedded --extra web --extra bench -c "$same"
compile production "$@" pyproject.toml --extra documents --extra web -c requirements/dev.lock
