#!/bin/bash
# environment.sh FOLDER EXTRAS - make the Python environment FOLDER with this project and its EXTRAS ("demo,dev").
# Does nothing, silently, where FOLDER is up to date. Run by `make run` and `make test`.
# PYTHON chooses the interpreter; else the newest python3 that will do.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
folder=$1 extras=$2

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$1" >&2; [[ ${2-} ]] && printf 'hint: %s\n' "$2" >&2; exit 1; }

# Each step's output is kept back, and shown whole when the step fails.
quietly() {
    local log status=0
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

will_do() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
    local candidate
    if [[ ${PYTHON-} ]]; then
        will_do "$PYTHON" || die "PYTHON=$PYTHON is no Python 3.11 or later" "make PYTHON=/usr/bin/python3 ..."
        python=$PYTHON
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11; do
        if will_do "$candidate"; then
            python=$candidate
            return
        fi
    done
    die "there is no Python 3.11 or later" "sudo apt-get install python3 python3-venv libgl1 libglib2.0-0    (Debian 12, Ubuntu 24.04, or later)"
}

# OpenCV's wheels bring their own libraries, but these three of the system's.
has_library() { "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null; }

# What the system lacks, all in one line to copy.
probe_system() {
    local lacking=() version
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
        if [[ $python == python3 || $python == /usr/bin/python3 ]]; then lacking+=(python3-venv); else lacking+=("$version-venv"); fi
    fi
    { has_library libGL.so.1 && has_library libxcb.so.1; } || lacking+=(libgl1)
    has_library libgthread-2.0.so.0 || lacking+=(libglib2.0-0)
    ((${#lacking[@]} == 0)) || die "this system lacks ${lacking[*]}" "sudo apt-get install ${lacking[*]}"
}

find_python
# Inside an activated environment python3 is that environment's own, which may be the very one to be made anew here.
python=$("$python" -c 'import sys; print(sys.argv[1] if sys.prefix == sys.base_prefix else sys._base_executable)' "$python")
# A folder that moved, or another Python: made anew. Other requirements: installed again in place.
home=$("$python" -c 'import sys; print(sys.version, sys.prefix)')$PWD
wanted=$(sha256sum pyproject.toml constraints.txt)$extras
[[ -x $folder/bin/python && "$(cat "$folder/home" 2>/dev/null)" == "$home" ]] || remake=1
[[ ! ${remake-} && "$(cat "$folder/installed" 2>/dev/null)" == "$wanted" ]] && exit 0

probe_system
if [[ ${remake-} ]]; then
    say "Making $folder with $("$python" --version)"
    quietly "$python" -m venv --clear "$folder" || die "$folder could not be made"
    printf '%s\n' "$home" >"$folder/home"
fi

say "Installing SnapLens Camera into it (a minute or two the first time)"
pip=("$folder/bin/python" -m pip --disable-pip-version-check install --quiet)
if ! quietly "${pip[@]}" --constraint constraints.txt --editable ".[$extras]"; then
    # The pins are proven on CPython 3.11; another Python may have no wheels of just these versions.
    [[ $("$folder/bin/python" -c 'import sys; print(sys.version_info[:2] == (3, 11))') == True ]] && die "the installation failed (above)"
    say "The pinned versions do not fit this Python: trying the newest that do"
    quietly "${pip[@]}" --editable ".[$extras]" || die "the installation failed (above)"
fi
printf '%s\n' "$wanted" >"$folder/installed"
