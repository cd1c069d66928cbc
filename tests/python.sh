# Sourced by the tests that need Python: which interpreter, and virtual environments that are made once.

# python_between LOW HIGH: the first interpreter that is there and is Python 3.LOW to 3.HIGH.
python_between() {
    local low=$1 high=$2 name
    for name in python3 $(seq -f 'python3.%.0f' "$high" -1 "$low"); do
        if "$name" -c "import sys; sys.exit(not (3, $low) <= sys.version_info[:2] <= (3, $high))" 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    echo "Python 3.$low to 3.$high is missing: python3 is $(python3 --version 2>/dev/null || echo not there)" >&2
    return 1
}

# virtual_environment PYTHON FOLDER REQUIREMENTS [PIP OPTION…]: FOLDER holds what REQUIREMENTS lists. Does nothing if it does already.
virtual_environment() {
    local python=$1 folder=$2 requirements=$3 stamp
    shift 3
    stamp="$("$python" --version) $(sha256sum < "$requirements")"
    [[ -x $folder/bin/python && $(cat "$folder/stamp" 2>/dev/null) == "$stamp" ]] && return
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python cannot make virtual environments (Debian, Ubuntu: apt-get install python3-venv)" >&2
        return 1
    fi
    rm -rf "$folder"
    "$python" -m venv "$folder" || return
    # Downloads that break off are not repeated by pip itself.
    local try
    for try in 1 2 3; do
        "$folder/bin/pip" install --quiet --disable-pip-version-check --timeout 60 "$@" -r "$requirements" && break
        [[ $try == 3 ]] && return 1
        sleep 5
    done
    echo "$stamp" > "$folder/stamp"
}
