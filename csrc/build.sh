#!/bin/sh
# The primitives as a static library, without Python:
#     sh csrc/build.sh FOLDER       makes FOLDER/libfl1.a; CC and CFLAGS are honoured
# flags.txt says what all sources are compiled with (first line), and each level; levels
# other than the first are for x86-64 only.
set -eu
here=$(dirname "$0")
out=$1
cc=${CC:-cc}
mkdir -p "$out"

{
    read -r common
    if [ "$(uname -m)" = x86_64 ]; then
        common="$common -DFL1_X86_LEVELS"
    fi
    objects=
    while read -r source flags; do
        # shellcheck disable=SC2086
        "$cc" $common ${CFLAGS:--O3} $flags -c "$here/$source" -o "$out/${source%.c}.o"
        objects="$objects $out/${source%.c}.o"
        [ "$(uname -m)" = x86_64 ] || break
    done
} < "$here/flags.txt"
# shellcheck disable=SC2086
"$cc" $common ${CFLAGS:--O3} -c "$here/dispatch.c" -o "$out/dispatch.o"
# shellcheck disable=SC2086
ar rcs "$out/libfl1.a" $objects "$out/dispatch.o"
