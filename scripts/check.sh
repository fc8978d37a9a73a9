#!/bin/bash
# check.sh - everything about the code that can be judged without running it. Run by `make check` and `make test`.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

step() { # NAME COMMAND...: one line, the command's own words only where it fails
    local name=$1 output
    shift
    if output=$("$@" 2>&1); then
        printf '%s\n' "$name: ok"
    else
        printf '%s\n' "$name: FAILED" "$output" >&2
        failed=1
    fi
}

failed=0
step "ruff format" ruff format --check --quiet .
step "ruff check" ruff check --quiet .
step "mypy --strict" mypy
step "import-linter" lint-imports --no-logo
exit "$failed"
