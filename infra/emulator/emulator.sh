# What the scripts of this folder share: the tools, the functions, the emulator, a deployment. To be sourced; it changes to the
# repository's folder. With SKIP_BUILD=1 the functions that lie in target/lambda are taken as they are.
# shellcheck shell=bash
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$PWD/target/emulator
tools=$work/venv/bin
port=4566 front=4580 providers=4581
mkdir -p "$work"
export PATH=$tools:$PATH
export AWS_ENDPOINT_URL=http://127.0.0.1:$port AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local-secret AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0

step() {
    printf '\n== %s (%d s since the start)\n' "$1" "$SECONDS"
}

# Prints the comment at the top of the script that calls this.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
}

install_tools() {
    step "tools"
    if ! cmp --silent infra/emulator/requirements.txt "$work/installed.txt"; then
        rm -rf "$work/venv"
        python3 -m venv "$work/venv"
        "$tools/pip" install --quiet --disable-pip-version-check --requirement infra/emulator/requirements.txt
        cp infra/emulator/requirements.txt "$work/installed.txt"
    fi
}

build_functions() {
    step "functions"
    if [[ -n ${SKIP_BUILD:-} ]]; then
        echo "as they lie in target/lambda"
        return
    fi
    infra/build --quiet
}

# Starts an emulator with nothing in it, which ends with the script; with `keep` it stays.
start_emulator() {
    step "emulator"
    rm -rf "$work/data" "$work/given.json" "$work/deployment.json"
    BIND_HOST=127.0.0.1 GATEWAY_PORT=$port S3_DATA_DIR=$work/data TMPDIR=$work ministack >"$work/emulator.log" 2>&1 &
    ministack=$!
    if [[ ${1:-} != keep ]]; then
        trap 'kill $ministack' EXIT
    fi
    local _
    for _ in {1..60}; do
        curl --silent --fail "$AWS_ENDPOINT_URL/_ministack/health" >/dev/null && return
        sleep 1
    done
    echo "the emulator does not answer, see $work/emulator.log"
    exit 1
}

# Runs a program of this repository, built with the features that the tests have: with others its dependencies would be built once more.
program() {
    cargo build --quiet --workspace --bin "$1"
    "${CARGO_TARGET_DIR:-target}/debug/$1" "${@:2}"
}

# Draws the keys and settings that deployments are given.
draw_given() {
    program carillon-xtask emulator-given --front $front --providers $providers >"$work/given.json"
}

# Deploys, and describes the deployment in target/emulator/deployment.json; the arguments are those of deploy.py.
deploy() {
    python infra/emulator/deploy.py --work "$work" --given "$work/given.json" --output "$work/deployment.json" "$@"
}

# Reads a value out of JSON: the names of the keys on the way to it.
value() {
    python -c 'import functools, json, sys; print(functools.reduce(lambda at, key: at[key], sys.argv[1:], json.load(sys.stdin)))' "$@"
}

# Reads a value out of the description of the deployment.
described() {
    value "$@" <"$work/deployment.json"
}

# Calls the API of the deployment: a method, a path, a body if there is one.
call() {
    curl --silent --show-error --fail-with-body --request "$1" --header "host: $(described api host)" --header "authorization: Bearer ${key:-}" \
        --header "content-type: application/json" ${3:+--data "$3"} "$AWS_ENDPOINT_URL$2"
}

# The status of an answer of the API: a method, a path.
status() {
    curl --silent --output /dev/null --write-out '%{http_code}' --request "$1" --header "host: $(described api host)" \
        --header "authorization: Bearer ${key:-}" "$AWS_ENDPOINT_URL$2"
}

# Makes the first organization, in a table; gives its key.
first_key() {
    ENTITIES_TABLE=$1 CREDENTIAL_KEY=$(value parameters CredentialKey <"$work/given.json") AWS_REGION=$AWS_DEFAULT_REGION \
        program carillon-xtask bootstrap --name Rehearsal
}

# Ends the rehearsal where two values are not alike.
same() {
    if [[ $2 != "$3" ]]; then
        printf '%s: %s, and not %s\n' "$1" "$2" "$3"
        exit 1
    fi
    printf '%s: %s\n' "$1" "$2"
}
