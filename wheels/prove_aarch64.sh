#!/usr/bin/env bash
# Proves the aarch64 wheel without the hardware: into a clean Debian arm64 root, run there under emulation of the
# Raspberry Pi 5's core, and compared with the wheel of the machine this runs on.
#   bash wheels/prove_aarch64.sh [--wheelhouse DIR] [--debian bookworm|trixie] [--tests few|core|none]
# --wheelhouse  where wheels/build.sh left both wheels (dist)
# --debian      whose Python: bookworm has 3.11, trixie 3.13 (bookworm)
# --tests       which tests run there: few (graph, kernels, rings and pool; a minute and a half), core (all that need
#               neither browser nor network; five minutes) or none (few)
# Needs qemu-user-static, mmdebstrap, Debian's package archive and PyPI; asks apt for the first two where it may. Not
# root otherwise. Exit status 77 with a sentence where something is missing. A memory model weaker than this machine's
# cannot be shown by emulation: the models in tests/concurrency are for that.
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
wheelhouse=dist
debian=bookworm
tests=few
seconds=10
declare -A python_of=([bookworm]=3.11 [trixie]=3.13)
few=(graph property c)
core=("${few[@]}" stages plan config devices sinks control logs attack emulator)
# What cannot run there, and why: a compiled program is started by its path, which needs the kernel to know the
# foreign format; the sanitizers' libraries are not in zig; a second architecture is this whole script; and how long a
# refusal may take is a promise about machines, not about emulators.
not_there="not (every_vector_width_of or less_optimised or every_optimisation or runs_differ_from_each_other or \
sanitizers_find or sanitizers_are or test_clang or aarch64 or in_little_time)"

die() { printf 'wheels/prove_aarch64.sh: %s\n' "$*" >&2; exit 2; }
skip() { printf 'SKIP: %s\n' "$*"; exit 77; }
say() { printf '\n-- %s (%d s)\n' "$*" "$SECONDS"; }

while (($#)); do
    (($# >= 2)) || die "$1 is no option or has no value. Allowed: --wheelhouse DIR, --debian NAME, --tests few|core|none."
    case $1=$2 in
        --wheelhouse=*) wheelhouse=$2 ;;
        --debian=bookworm | --debian=trixie) debian=$2 ;;
        --tests=few | --tests=core | --tests=none) tests=$2 ;;
        *) die "$1 $2 is not understood. Allowed: --wheelhouse DIR, --debian bookworm|trixie, --tests few|core|none." ;;
    esac
    shift 2
done

work=$(mktemp -d "${TMPDIR:-/tmp}/eegcore-aarch64.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'printf "wheels/prove_aarch64.sh: FAILED at line %s: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR
root=$work/root
site=$root/opt/site
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_QUIET=1 PIP_ROOT_USER_ACTION=ignore
export XDG_CACHE_HOME=$work/cache PYTHONNOUSERSITE=1
unset PYTHONPATH PYTHONHOME

find_wheel() {                       # architecture; sets the variable of that name
    local found=("$wheelhouse"/eegcore-*-abi3-manylinux*_"$1".whl)
    [[ -f ${found[0]} && ${#found[@]} == 1 ]] ||
        die "$wheelhouse holds no wheel for $1, or several. Make it with 'bash wheels/build.sh --arch $1 --out $wheelhouse'."
    printf -v "$1" %s "$(realpath "${found[0]}")"
}

system_packages() {
    local missing=()
    command -v qemu-aarch64-static > /dev/null || missing+=(qemu-user-static)
    command -v mmdebstrap > /dev/null || missing+=(mmdebstrap)
    ((${#missing[@]})) || return 0
    ((EUID == 0)) && command -v apt-get > /dev/null ||
        skip "${missing[*]} cannot be installed by this user: apt install ${missing[*]}"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}"; } > "$work/apt.log" 2>&1 ||
        { tail -3 "$work/apt.log"; skip "apt could not install ${missing[*]}"; }
}

# Packages are unpacked and none of their scripts run, so nothing is emulated here and no privilege is needed. The
# interpreter is named by a script that starts the emulator, and is told that this is its name: a child it starts by
# sys.executable is emulated too, without a kernel that knows the foreign format.
make_root() {
    # shellcheck disable=SC2016     # $1 is for mmdebstrap: the root, where /lib is /usr/lib as Debian has it
    local merge='for d in bin sbin lib; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done'
    mmdebstrap --quiet --mode=chrootless --variant=extract --architectures=arm64 --setup-hook="$merge" \
        --include=python3,libstdc++6,python3-pip-whl "$debian" "$root" > "$work/root.log" 2>&1 ||
        { tail -5 "$work/root.log"; skip "Debian's packages for arm64 could not be had"; }
    python=$root/usr/bin/python-emulated
    cat > "$python" << SCRIPT
#!/bin/sh
export QEMU_CPU=cortex-a76               # without pointer authentication, which costs a factor of twenty here
exec $(command -v qemu-aarch64-static) -0 "$python" -L "$root" "$root/usr/bin/python${python_of[$debian]}" "\$@"
SCRIPT
    chmod +x "$python"
    mkdir -p "$site"
}

there() { PYTHONPATH=$site "$python" -s -P "$@"; }          # the emulated Python
here() { PYTHONPATH='' "$work/native/bin/python" -P "$@"; } # this machine's, with its own wheel

# Dependencies are chosen and unpacked by this machine's pip for the other one; the wheel itself by Debian's own pip
# under emulation, which is what happens on a Pi.
install_both() {
    local wheel=$1 native=$2 minor platforms=(--platform manylinux2014_aarch64) wanted installing
    python3 -m venv "$work/native"
    "$work/native/bin/pip" install "$native" &
    installing=$!                    # not "$!" later: a process substitution sets that too
    mapfile -t wanted < <(here - "$repository/pyproject.toml" << 'PYTHON'
import re, sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
print(*project["dependencies"], sep="\n")
used = "pytest pytest-asyncio pytest-timeout pytest-randomly pytest-xdist hypothesis jsonschema pyedflib".split()
print(*[wish for wish in project["optional-dependencies"]["test"] if re.match(r"[\w-]+", wish)[0] in used], sep="\n")
PYTHON
    )
    for ((minor = 17; minor <= 36; minor++)); do           # bookworm has glibc 2.36
        platforms+=(--platform "manylinux_2_${minor}_aarch64")
    done
    "$work/native/bin/pip" install --target "$site" "${platforms[@]}" --only-binary=:all: \
        --python-version "${python_of[$debian]}" "${wanted[@]}"
    wait "$installing"
    there "$(echo "$root"/usr/share/python-wheels/pip-*.whl)/pip" install --no-index --no-deps --upgrade --target "$site" "$wheel"
    there - << 'PYTHON'
import importlib.metadata, os, pathlib, platform, sys
import eegcore
assert pathlib.Path(eegcore.__file__).is_relative_to(os.environ["PYTHONPATH"]), eegcore.__file__
assert platform.machine() == "aarch64", platform.machine()
print(f"eegcore {importlib.metadata.version('eegcore')} for {platform.machine()}, Python {sys.version.split()[0]}, "
      f"glibc {platform.libc_ver()[1]}")
PYTHON
}

run_plan() { "$1" -m eegcore run --plan "$2" --virtual --seconds "$seconds" --json 2> "$work/log" ||
             { tail -5 "$work/log" >&2; return 1; }; }

# A plan holds the designed filters as hexadecimal floats: scipy rounds differently on the two machines, so a pipeline
# that each designs for itself is not the same pipeline.
compare() {
    local name=$1 plan=$work/$1.json
    here -m eegcore validate --json --virtual "$repository/pipelines/$name.yaml" > "$plan"
    run_plan here "$plan" > "$work/$name.native"
    run_plan there "$plan" > "$work/$name.aarch64"
    QEMU_PAGESIZE=16384 run_plan there "$plan" > "$work/$name.pages_of_16k"
    here "$here/same_run.py" "$work/$name".{native,aarch64,pages_of_16k}
}

pages() { QEMU_PAGESIZE=16384 there -c 'import mmap; assert mmap.PAGESIZE == 16384, mmap.PAGESIZE'; }

run_tests() {                        # of the repository, against the installed wheel: no source of eegcore is beside them
    local place=$work/repository/eegcore folders=()
    local -n wanted=$tests
    mkdir -p "$place" "$work/bin"
    cp -r "$repository"/{tests,pipelines,csrc,pyproject.toml,README.md} "$place"
    [[ ! -d $repository/../shared ]] || ln -s "$(cd "$repository/../shared" && pwd)" "$work/repository/shared"
    "$work/native/bin/pip" install ziglang
    printf '#!/bin/sh\nunset PYTHONPATH\nexec "%s" -m ziglang cc -target aarch64-linux-gnu.2.28 "$@"\n' \
        "$work/native/bin/python" > "$work/bin/gcc"          # compiles C for the machine the tests believe to be on
    chmod +x "$work/bin/gcc"
    ln "$work/bin/gcc" "$work/bin/cc"
    for folder in "${wanted[@]}"; do
        folders+=("tests/$folder")
    done
    cd "$place"
    PATH=$work/bin:$PATH ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig CI=true \
        there -m pytest "${folders[@]}" -n 0 -q -p no:cacheprovider -k "$not_there"
}

[[ $(uname -m) == x86_64 ]] || skip "this is $(uname -m); the comparison is with x86-64"
find_wheel aarch64
find_wheel x86_64
system_packages
say "Debian $debian for arm64"
make_root
say "install"
install_both "${aarch64:?}" "${x86_64:?}"
say "the same plan on both"
pages
compare default
compare eeg32_4k
if [[ $tests != none ]]; then
    say "tests: $tests"
    run_tests
fi
say "proven"
